// A MicroPython of the official WebAssembly build, with the command line of the unix port:
//
//     node main.mjs FOLDER [-X heapsize=SIZE] (-c PROGRAM ... | FILE) [ARGUMENT ...]
//
// FOLDER is the unpacked package of npm. Several programs run one after another with the same
// globals; garbage is collected between them, and at no other time. The VM sees this computer's
// files, and has sockets and TLS as `network.mjs` gives them.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { mountHost } from "./host_files.mjs";
import { Network } from "./network.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const STAND_INS = path.join(HERE, "lib");
const UNITS = { k: 1024, m: 1024 * 1024 };

function readCommand(words) {
    const [folder, ...rest] = words;
    const command = { folder, heapsize: UNITS.m, programs: [], argv: [""] };
    while (rest.length && (rest[0] === "-X" || rest[0] === "-c")) {
        const [option, value] = rest.splice(0, 2);
        if (option === "-c") {
            command.programs.push(value);
        } else {
            const [, number, unit] = /^heapsize=(\d+)([kKmM]?)$/.exec(value) ?? [];
            command.heapsize = Number(number) * (UNITS[unit?.toLowerCase()] ?? 1);
        }
    }
    if (command.programs.length) {
        command.argv = ["-c", ...rest];
    } else if (rest.length) {
        command.programs.push(fs.readFileSync(rest[0], "utf8"));
        command.argv = rest;
    }
    return command;
}

const output = { 1: [], 2: [] };

function flush() {
    for (const [descriptor, pieces] of Object.entries(output)) {
        const data = Buffer.concat(pieces.splice(0));
        for (let at = 0; at < data.length; ) {
            at += fs.writeSync(Number(descriptor), data, at);
        }
    }
}

function collect(descriptor) {
    return (bytes) => {
        output[descriptor].push(Buffer.from(bytes));
        if (bytes[0] === 10) {
            flush();
        }
    };
}

async function run({ folder, heapsize, programs, argv }) {
    const { loadMicroPython } = await import(pathToFileURL(path.join(folder, "micropython.mjs")));
    const mp = await loadMicroPython({
        url: path.join(folder, "micropython.wasm"),
        heapsize,
        linebuffer: false,
        stdout: collect(1),
        stderr: collect(2),
    });
    mountHost(mp.FS);
    const network = new Network();
    mp.registerJsModule("_network", network.calls);
    const text = JSON.stringify(argv[0] === "-c" ? "" : path.dirname(path.resolve(argv[0])));
    try {
        mp.runPython(
            `import sys\nsys.path[:] = [${text}, ".frozen", ${JSON.stringify(STAND_INS)}]\n` +
                `sys.argv[:] = ${JSON.stringify(argv)}\nimport missing\ndel missing, sys\n`,
        );
        for (const program of programs) {
            mp.runPython(program.replaceAll(/(["'])\.frozen\1/g, withStandIns));
        }
        return 0;
    } catch (error) {
        return ended(error);
    } finally {
        network.close();
    }
}

/** What is frozen into the unix port, or built in, is a file here: `requests`, `socket`, `tls`. */
function withStandIns(frozen) {
    return `${frozen}, ${JSON.stringify(STAND_INS)}`;
}

function ended(error) {
    if (error.name !== "PythonError") {
        throw error;
    }
    if (error.type === "SystemExit") {
        const code = /SystemExit: ?(.*)\s*$/.exec(error.message)?.[1] ?? "";
        return code === "" || code === "None" ? 0 : Number(code) || 1;
    }
    output[2].push(Buffer.from(error.message));
    return 1;
}

process.exitCode = await run(readCommand(process.argv.slice(2)));
flush();

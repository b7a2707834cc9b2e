// The folders of this computer as a file system of Emscripten's: the VM's own lies in memory.

import fs from "node:fs";
import path from "node:path";

// What an absolute path may begin with; /dev and /proc stay the VM's.
const KEPT = new Set(["dev", "proc", "sys"]);

// Errors have WASI's numbers here, and programs see those: a missing file is OSError(44), not 2.
const WASI = { EACCES: 2, EEXIST: 20, EISDIR: 31, ENOENT: 44, ENOTDIR: 54, ENOTEMPTY: 55 };
const EIO = 29;

/** Mount every folder of the root, and stand where this process stands. */
export function mountHost(FS) {
    for (const name of fs.readdirSync("/")) {
        const place = "/" + name;
        if (!KEPT.has(name) && fs.statSync(place, { throwIfNoEntry: false })?.isDirectory()) {
            if (!FS.analyzePath(place).exists) {
                FS.mkdir(place);
            }
            FS.mount(new HostFiles(FS), { root: place }, place);
        }
    }
    FS.chdir(process.cwd());
}

class HostFiles {
    constructor(FS) {
        this.FS = FS;
        const where = (node) => {
            const parts = [];
            for (; node !== node.parent; node = node.parent) {
                parts.unshift(node.name);
            }
            return path.join(node.mount.opts.root, ...parts);
        };
        const tried = (act) => {
            try {
                return act();
            } catch (error) {
                throw error.code ? new FS.ErrnoError(WASI[error.code] ?? EIO) : error;
            }
        };
        const make = (parent, name, mode) => {
            const node = FS.createNode(parent, name, mode, 0);
            node.node_ops = this.node_ops;
            node.stream_ops = this.stream_ops;
            return node;
        };
        this.make = make;
        this.node_ops = {
            getattr: (node) => tried(() => {
                const stat = fs.lstatSync(where(node));
                return { ...stat, atime: stat.atime, mtime: stat.mtime, ctime: stat.ctime, blocks: stat.blocks };
            }),
            setattr: (node, changes) => tried(() => {
                if (changes.size !== undefined) {
                    fs.truncateSync(where(node), changes.size);
                }
            }),
            lookup: (parent, name) => tried(() => {
                const found = fs.statSync(path.join(where(parent), name));
                return make(parent, name, found.mode);
            }),
            mknod: (parent, name, mode) => tried(() => {
                const made = path.join(where(parent), name);
                FS.isDir(mode) ? fs.mkdirSync(made) : fs.writeFileSync(made, "", { mode });
                return make(parent, name, mode);
            }),
            rename: (node, folder, name) => tried(() => {
                fs.renameSync(where(node), path.join(where(folder), name));
                node.name = name;
            }),
            unlink: (parent, name) => tried(() => fs.unlinkSync(path.join(where(parent), name))),
            rmdir: (parent, name) => tried(() => fs.rmdirSync(path.join(where(parent), name))),
            readdir: (node) => tried(() => [".", "..", ...fs.readdirSync(where(node))]),
        };
        this.stream_ops = {
            open: (stream) => tried(() => {
                // Created, and made short, before this; 3 are the bits for reading and writing.
                stream.descriptor = fs.openSync(where(stream.node), ["r", "r+", "r+"][stream.flags & 3]);
            }),
            close: (stream) => tried(() => fs.closeSync(stream.descriptor)),
            read: (stream, buffer, offset, length, position) =>
                tried(() => fs.readSync(stream.descriptor, buffer, offset, length, position)),
            write: (stream, buffer, offset, length, position) =>
                tried(() => fs.writeSync(stream.descriptor, buffer, offset, length, position)),
            llseek: (stream, offset, whence) => {
                const from = [0, stream.position, whence === 2 ? fs.fstatSync(stream.descriptor).size : 0];
                return from[whence] + offset;
            },
        };
    }

    mount(mount) {
        const root = this.make(null, "/", fs.statSync(mount.opts.root).mode);
        root.parent = root;
        return root;
    }
}

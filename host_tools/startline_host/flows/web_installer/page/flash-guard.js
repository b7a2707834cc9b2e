// Keeps ESP Web Tools from loading a reader whose flash is laid out in another way than these files.

const TABLE = 0x8000, TABLE_SIZE = 0xc00, ROW = 32;
const KIB = 1 << 10, MIB = 1 << 20;

/** Return the offset of the partition of that name in a table's bytes, null for none. */
export function partitionOffset(table, name) {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  for (let at = 0; at + ROW <= table.length && view.getUint16(at, true) === 0x50aa; at += ROW) {
    const label = new TextDecoder().decode(table.subarray(at + 12, at + 28)).replace(/\0.*$/s, "");
    if (label === name) return view.getUint32(at + 4, true);
  }
  return null;
}

/** Throw an Error, with words for a person, for a chip on which these files would do harm. */
export async function checkFits(loader, facts) {
  const told = await loader.detectFlashSize(); // "4MB" or "512KB"
  const size = parseInt(told, 10) * (told.endsWith("KB") ? KIB : MIB);
  if (size < facts.flash_size) {
    // Flash answers beyond its end from its beginning: the files would be written over each other.
    throw new Error(`This chip has ${told.slice(0, -2)} ${told.slice(-2)} of flash, and these files are for ${facts.flash_size / MIB} MB. Nothing was written. Use the page that was built for this board.`);
  }
  const fctry = partitionOffset(await loader.readFlash(TABLE, TABLE_SIZE), "fctry");
  if (fctry !== null && fctry !== facts.fctry) {
    throw new Error("This reader keeps its identity at another place in flash than these files do, and would not find it again. Nothing was written. Use the page that was built for this board.");
  }
}

/** Have every loader that ESP Web Tools makes, and shows as window.esploader, check before it writes. */
export function guardLoaders(facts) {
  let current;
  Object.defineProperty(window, "esploader", {
    configurable: true,
    get: () => current,
    set(loader) {
      const write = loader.writeFlash.bind(loader);
      loader.writeFlash = async (options) => {
        await checkFits(loader, facts);
        return write(options);
      };
      current = loader;
    },
  });
}

// What a reader says on its console: text for people, and events between it.

const RS = 0x1e, LF = 0x0a;
// An event has at most 1 KiB; what is longer without an end of line is noise.
const LONGEST = 4096;
// The polynomial of CRC-32 as Ethernet, zlib and Python's binascii have it.
const POLYNOMIAL = 0xedb88320;
const END = /^(\{.*),"crc":"([0-9a-f]{8})"\}\s*$/s;

function crc32(text) {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}

/** Return what an event says: `{…,"crc":"8 hex"}`, the CRC-32 of all before it. Null for no intact event. */
export function decodeEvent(text) {
  const found = END.exec(text);
  if (!found || crc32(found[1]) !== parseInt(found[2], 16)) return null;
  try {
    return JSON.parse(found[1] + "}");
  } catch {
    return null;
  }
}

/** Takes bytes in any pieces; calls `onEvent(event)` and `onLine(line)` for what they hold. */
export class ConsoleReader {
  constructor(onEvent, onLine) {
    this.onEvent = onEvent;
    this.onLine = onLine;
    this.line = [];
  }

  take(bytes) {
    for (const byte of bytes) {
      if (byte === LF) {
        this.end(this.line);
        this.line = [];
      } else if (this.line.push(byte) > LONGEST) {
        this.line = [];
      }
    }
  }

  end(line) {
    const mark = line.lastIndexOf(RS);
    const text = new TextDecoder().decode(Uint8Array.from(line.slice(mark + 1)));
    const event = mark < 0 ? null : decodeEvent(text);
    if (event) this.onEvent(event);
    // Bytes of Improv and of the boot loader's first, faster words are no text for people.
    else if (mark < 0 && /^[\t\x20-\x7e\u00a0-\uffef]*\r*$/.test(text) && text.trim()) this.onLine(text.trim());
  }
}

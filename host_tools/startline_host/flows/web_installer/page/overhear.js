// Lets the page hear a reader while somebody else reads from its port: a port has one reader at a time.

const known = new WeakSet();

/** Have `hear(bytes)` get whatever is read from this port, by whom ever. */
function overhear(port, hear) {
  if (known.has(port)) return port;
  known.add(port);
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(port), "readable");
  Object.defineProperty(port, "readable", {
    configurable: true,
    get() {
      const stream = get.call(port);
      if (stream && !known.has(stream)) {
        known.add(stream);
        const getReader = stream.getReader.bind(stream);
        stream.getReader = (...given) => heard(getReader(...given), hear);
      }
      return stream;
    },
  });
  return port;
}

function heard(reader, hear) {
  const read = reader.read.bind(reader);
  reader.read = async () => {
    const chunk = await read();
    if (chunk.value) hear(chunk.value);
    return chunk;
  };
  return reader;
}

/** Overhear every port that is chosen from now on; `chosen()` is told of each choice. */
export function overhearPorts({ chosen, hear }) {
  const ask = navigator.serial.requestPort.bind(navigator.serial);
  navigator.serial.requestPort = async (...given) => {
    const port = await ask(...given);
    chosen();
    return overhear(port, hear);
  };
}

// A client and an echo server on Node's tls, to be run as a program.
"use strict";

const fs = require("fs");
const tls = require("tls");

const [role, port, version, host, authority, payload, chain, key, required] = process.argv.slice(2);

const options = {
  ca: fs.readFileSync(authority),
  cert: chain ? fs.readFileSync(chain) : undefined,
  key: key ? fs.readFileSync(key) : undefined,
  minVersion: version,
  maxVersion: version,
};

function fail(error) {
  console.error(error.code || "", error.message);
  process.exit(1);
}

if (role === "client") {
  const socket = tls.connect({ ...options, host: "127.0.0.1", port, servername: host }, () => {
    socket.write(fs.readFileSync(payload));
  });
  socket.on("error", fail);
  socket.pipe(process.stdout);
} else {
  const server = tls.createServer(
    { ...options, requestCert: Boolean(required), rejectUnauthorized: true, noDelay: true },
    (socket) => {
      socket.on("error", fail);
      socket.pipe(socket);
      server.close();
    },
  );
  server.on("tlsClientError", fail);
  server.listen(Number(port), "127.0.0.1");
}

// Makes a zip of a folder with one of the libraries of package.json: make.mjs WAY FOLDER ZIP.
import { createWriteStream, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { finished } from "node:stream/promises";

const [way, folder, zip] = process.argv.slice(2);
const files = (folder ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  .map((path) => [relative(folder, path), path]);

async function archiver(options) {
  const { default: make } = await import("archiver");
  const archive = make("zip", options);
  const out = createWriteStream(zip);
  archive.pipe(out);
  archive.directory(folder, false);
  await archive.finalize();
  await finished(out);
}

async function yazl(options) {
  const { ZipFile } = await import("yazl");
  const archive = new ZipFile();
  for (const [name, path] of files)
    archive.addFile(path, name, options);
  archive.end(options);
  await finished(archive.outputStream.pipe(createWriteStream(zip)));
}

async function jszip(options) {
  const { default: JSZip } = await import("jszip");
  const archive = new JSZip();
  for (const [name, path] of files)
    archive.file(name, readFileSync(path));
  writeFileSync(zip, await archive.generateAsync({ type: "nodebuffer", ...options }));
}

async function fflate(options) {
  const { zipSync } = await import("fflate");
  writeFileSync(zip, zipSync(Object.fromEntries(files.map(([name, path]) => [name, readFileSync(path)])), options));
}

const ways = {
  archiver: () => archiver({ zlib: { level: 9 } }),
  "archiver, stored": () => archiver({ store: true }),
  "archiver, zip64": () => archiver({ forceZip64: true }),
  yazl: () => yazl({}),
  "yazl, zip64": () => yazl({ forceZip64Format: true }),
  jszip: () => jszip({}),
  "jszip, deflated": () => jszip({ compression: "DEFLATE" }),
  "jszip, as a stream": () => jszip({ compression: "DEFLATE", streamFiles: true, platform: "UNIX" }),
  fflate: () => fflate({}),
  "fflate, stored": () => fflate({ level: 0 }),
};
if (way === undefined)
  console.log(Object.keys(ways).join("\n"));
else
  await ways[way]();

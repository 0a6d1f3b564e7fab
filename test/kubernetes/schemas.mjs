// Checks Kubernetes documents, a JSON array on standard input, against the schemas of the package
// kubernetes-models, and prints a JSON array with what is wrong.  The schemas allow any field; that a field
// is known is told by the package's type declarations.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = resolve(dirname(new URL(import.meta.url).pathname), "node_modules");
const root = join(modules, "kubernetes-models");
const declarations = new Map();

// The fields that a declaration file gives its interface: name to type, and where other types come from.
function declaration(file) {
  if (!declarations.has(file)) {
    const text = readFileSync(file, "utf8");
    const origins = new Map();
    for (const [, names, from] of text.matchAll(/^import \{ (.*?) \} from "(.*?)";/gm))
      for (const name of names.split(/,\s*/))
        origins.set(name, from.startsWith(".") ? join(dirname(file), from.replace(/\.js$/, "") + ".d.ts")
          : join(modules, from + ".d.ts"));
    const body = /^export interface .*?\{\n(.*?)^\}/ms.exec(text)?.[1];
    const fields = body === undefined ? null
      : new Map([...body.matchAll(/^ {4}"(.*?)"\??: (.*?);$/gms)].map(([, name, type]) => [name, type]));
    declarations.set(file, { origins, fields });
  }
  return declarations.get(file);
}

// Finds fields that the type does not have, in everything below a value.
function unknownFields(value, file, path, found) {
  const { origins, fields } = declaration(file);
  if (fields === null || value === null || typeof value !== "object") return;
  for (const [name, inner] of Object.entries(value)) {
    const type = fields.get(name);
    if (type === undefined) {
      found.push(`${path}.${name}: no such field`);
      continue;
    }
    const next = origins.get(/\bI[A-Z]\w*/.exec(type)?.[0]);
    if (next === undefined) continue;
    const values = Array.isArray(inner) ? inner.entries() : [[null, inner]];
    for (const [index, each] of values)
      unknownFields(each, next, `${path}.${name}${index === null ? "" : `[${index}]`}`, found);
  }
}

const found = [];
for (const document of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${document.kind} ${document.metadata?.name}`;
  const file = join(root, document.apiVersion, document.kind);
  try {
    const model = (await import(pathToFileURL(file + ".js")))[document.kind];
    new model(document).validate();
    unknownFields(document, file + ".d.ts", name, found);
  } catch (error) {
    found.push(`${name}: ${error.message}`);
  }
}
console.log(JSON.stringify(found));

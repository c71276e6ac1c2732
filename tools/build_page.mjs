// Builds the donation page into web/give/dist: one script, one style sheet, and what lies beside them.
// Static files are web/give/*.html and everything under web/give/static.

import { build } from "esbuild";
import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../web/give/", import.meta.url));
const dist = join(page, "dist");
const entry = join(page, "src", "main.ts");
const exists = (path) => stat(path).then(() => true, () => false);

if (!(await exists(entry))) {
  console.log("no page to build yet: web/give/src/main.ts is missing");
  process.exit(0);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

for (const name of await readdir(page)) {
  if (name.endsWith(".html")) await cp(join(page, name), join(dist, name));
}
if (await exists(join(page, "static"))) {
  await cp(join(page, "static"), dist, { recursive: true });
}

const result = await build({
  absWorkingDir: page,
  entryPoints: [entry],
  outdir: dist,
  bundle: true,
  minify: true,
  sourcemap: true,
  format: "esm",
  target: "es2022",
  charset: "ascii",
  legalComments: "linked",
  loader: { ".svg": "text" },
  logLevel: "warning",
  metafile: true,
});

for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  if (!file.endsWith(".map")) console.log(`web/give/dist/${basename(file)}  ${(bytes / 1024).toFixed(1)} KiB`);
}

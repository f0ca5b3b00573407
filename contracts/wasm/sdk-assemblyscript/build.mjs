// Compiles contracts: `node build.mjs OUT FILE...`, without floating point, a collector, and with nothing from outside but the ledger's functions.
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import asc from "assemblyscript/asc";

const [out = "build", ...files] = process.argv.slice(2);
const sources = files.length > 0 ? files : ["escrow", "loyalty", "insurance"].map((name) => `examples/${name}.ts`);
mkdirSync(out, { recursive: true });
for (const source of sources) {
  const target = join(out, `${basename(source, ".ts")}.wasm`);
  const { error, stderr } = await asc.main([
    source,
    "--outFile", target,
    "--runtime", "stub",
    "--use", "abort=",
    "--exportStart", "_initialize",
    "--optimizeLevel", "3",
    "--shrinkLevel", "2",
    "--converge",
    "--disable", "nontrapping-f2i",
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}

// Removes what was built, so that a package holds nothing whose source is gone: tsc itself deletes no file.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });

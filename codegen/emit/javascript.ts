/**
 * The generated TypeScript as JavaScript and declarations, for projects that build with neither tsc nor type stripping.
 * Each file is taken by itself, as the flags isolatedModules and isolatedDeclarations promise it can be. Worst case:
 * every file is parsed twice.
 */
import { ts } from "ts-morph";

/** `a.ts` becomes `a.js` and `a.d.ts`, which import each other as `./b.js`; other files stay. */
export function toJavaScript(files: ReadonlyMap<string, string>): Map<string, string> {
  const result = new Map<string, string>();
  for (const [file, text] of files) {
    if (!file.endsWith(".ts")) {
      result.set(file, text);
      continue;
    }
    const name = file.slice(0, -".ts".length);
    const source = withJsImports(text);
    const options = { fileName: file, compilerOptions };
    const code = ts.transpileModule(source, options).outputText;
    result.set(`${name}.js`, withFirstLines(source, code));
    const { outputText, diagnostics } = ts.transpileDeclaration(source, options);
    const problem = diagnostics?.[0];
    if (problem !== undefined) {
      const message = ts.flattenDiagnosticMessageText(problem.messageText, "\n");
      throw new Error(`stardust: ${file} has no declaration: ${message}`);
    }
    result.set(`${name}.d.ts`, withFirstLines(source, outputText));
  }
  return result;
}

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedDeclarations: true,
  declaration: true,
  newLine: ts.NewLineKind.LineFeed,
};

/** Statements that import or export from a file beside; docs of the spec may say the same and stay. */
function withJsImports(text: string): string {
  return text.replace(
    /^((?:import|export)\b[^;"]*\bfrom |\} from |import )"(\.\/[\w./-]+)\.ts";$/gm,
    '$1"$2.js";',
  );
}

/** The marker by which a generated file is known stands in its first line, whatever the compiler leaves out. */
function withFirstLines(source: string, output: string): string {
  const first = source.slice(0, source.indexOf("\n") + 1);
  return output.startsWith(first) ? output : first + output;
}

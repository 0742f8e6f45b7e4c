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

/** What is imported or exported from a file beside, as the compiler finds it; docs of the spec may say the same and stay. */
function withJsImports(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (const { fileName, pos } of ts.preProcessFile(text).importedFiles) {
    if (!fileName.startsWith("./") || !fileName.endsWith(".ts")) continue;
    // `pos` is at the quotation mark.
    const ending = pos + 1 + fileName.length - ".ts".length;
    parts.push(text.slice(from, ending), ".js");
    from = ending + ".ts".length;
  }
  return parts.join("") + text.slice(from);
}

/** The marker by which a generated file is known stands in its first line, whatever the compiler leaves out. */
function withFirstLines(source: string, output: string): string {
  const first = source.slice(0, source.indexOf("\n") + 1);
  return output.startsWith(first) ? output : first + output;
}

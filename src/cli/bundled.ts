// What the bundle gives to its launchers (scripts/launch).
import { warmUpBuild } from '../build/warm-up.ts';

export { runProgram } from './program.ts';

/** For the start-up snapshot: what most builds need is loaded, and the pure part of a build has run once. */
export async function warmUp(): Promise<void> {
  await Promise.all([import('./commands/build.ts'), import('./call/call.ts'), import('./reporter/plain.ts'), import('./reporter/tty.ts')]);
  // Node opens terminals and pipes with it.
  process.getBuiltinModule('node:tty');
  const { checkText } = await import('./call/check-text.ts');
  const { findingsOf } = await import('./call/findings.ts');
  const { file, diagnostics } = warmUpBuild();
  checkText(findingsOf(diagnostics), file);
}

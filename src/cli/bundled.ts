// What the bundle gives to its launchers (scripts/launch).
import { warmUpBuild } from '../build/warm-up.ts';

export { runProgram } from './program.ts';

/** For the start-up snapshot, before it is made. What is imported here is in it; other `import()`s read their code when they run. */
export async function warmUp(): Promise<void> {
  await Promise.all([
    import('./commands/build.ts'),
    import('./commands/version.ts'),
    import('./call/call.ts'),
    import('./call/parse-call.ts'),
    import('./reporter/plain.ts'),
    import('./reporter/tty.ts'),
  ]);
  // Node opens terminals and pipes with it.
  process.getBuiltinModule('node:tty');
  await warmUpBuild();
}

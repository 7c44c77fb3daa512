// What the bundle gives to its launchers (scripts/launch).
export { runProgram } from './program.ts';

/** For the start-up snapshot, before it is made. What is imported here is in it; other `import()`s read their code when they run. */
export async function warmUp(): Promise<void> {
  await Promise.all([import('./serve.ts'), import('./layer-work.ts')]);
}

// Entry of the executor process when it runs from its source; the bundle is started by scripts/launch.
import { runProgram } from './program.ts';

await runProgram();

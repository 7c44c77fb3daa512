// dist/executor.cjs: the same for the executor.
import { loadProgram, placeAt } from './load-program.ts';

void loadProgram('executor', placeAt(__dirname)).runProgram();

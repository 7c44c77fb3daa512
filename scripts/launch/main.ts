// dist/main.cjs: runs the program where there is no snapshot for this Node and CPU.
import { loadProgram, placeAt } from './load-program.ts';

void loadProgram('program', placeAt(__dirname)).runProgram();

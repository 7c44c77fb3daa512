// dist/main.cjs: runs the program where there is no snapshot for this Node and CPU.
import { loadProgram, placeAt, readScript } from './load-program.ts';

void loadProgram(readScript(__dirname, 'program'), placeAt(__dirname)).runProgram();

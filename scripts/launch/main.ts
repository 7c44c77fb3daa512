// dist/main.cjs: runs the program where there is no snapshot for this Node and CPU.
import { join } from 'node:path';
import { loadProgram, placeAt, readProgram } from './load-program.ts';

void loadProgram(readProgram(__dirname, join(__dirname, 'program.cache')), placeAt(__dirname)).runProgram();

// Every command: its table of flags and where its code is. Code is loaded when the command runs.
import { BUILD_COMMAND } from '../flags/build.ts';
import type { Command } from './command.ts';

export const COMMANDS: readonly Command[] = [{ spec: BUILD_COMMAND, load: () => import('./build.ts') }];

export const findCommand = (name: string): Command | null => COMMANDS.find((command) => command.spec.name === name) ?? null;

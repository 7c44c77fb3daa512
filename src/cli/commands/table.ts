// Every command: its table of flags and where its code is. Code is loaded when the command runs.
import { BAKE_COMMAND } from '../flags/bake.ts';
import { BUILD_COMMAND } from '../flags/build.ts';
import { CACHE_COMMAND } from '../flags/cache.ts';
import { DEBUG_COMMAND } from '../flags/debug.ts';
import { EXPLAIN_COMMAND } from '../flags/explain.ts';
import { HISTORY_COMMAND, IMAGES_COMMAND, INSPECT_COMMAND, RMI_COMMAND, TAG_COMMAND, VERSION_COMMAND } from '../flags/images.ts';
import { LOGIN_COMMAND, LOGOUT_COMMAND, PULL_COMMAND, PUSH_COMMAND } from '../flags/registry.ts';
import { RUN_COMMAND } from '../flags/run.ts';
import { DOCTOR_COMMAND, DU_COMMAND, LOAD_COMMAND, PRUNE_COMMAND, SAVE_COMMAND, VERIFY_COMMAND } from '../flags/store.ts';
import type { Command } from './command.ts';

export const COMMANDS: readonly Command[] = [
  { spec: BUILD_COMMAND, load: () => import('./build.ts') },
  { spec: BAKE_COMMAND, load: () => import('./bake.ts') },
  { spec: PUSH_COMMAND, load: () => import('./push.ts') },
  { spec: PULL_COMMAND, load: () => import('./pull.ts') },
  { spec: IMAGES_COMMAND, load: () => import('./images.ts') },
  { spec: RUN_COMMAND, load: () => import('./run.ts') },
  { spec: DEBUG_COMMAND, load: () => import('./debug.ts') },
  { spec: TAG_COMMAND, load: () => import('./tag.ts') },
  { spec: INSPECT_COMMAND, load: () => import('./inspect.ts') },
  { spec: HISTORY_COMMAND, load: () => import('./history.ts') },
  { spec: RMI_COMMAND, load: () => import('./rmi.ts') },
  { spec: SAVE_COMMAND, load: () => import('./save.ts') },
  { spec: LOAD_COMMAND, load: () => import('./load.ts') },
  { spec: DU_COMMAND, load: () => import('./du.ts') },
  { spec: PRUNE_COMMAND, load: () => import('./prune.ts') },
  { spec: CACHE_COMMAND, load: () => import('./cache.ts') },
  { spec: VERIFY_COMMAND, load: () => import('./verify.ts') },
  { spec: DOCTOR_COMMAND, load: () => import('./doctor.ts') },
  { spec: LOGIN_COMMAND, load: () => import('./login.ts') },
  { spec: LOGOUT_COMMAND, load: () => import('./logout.ts') },
  { spec: EXPLAIN_COMMAND, load: () => import('./explain.ts') },
  { spec: VERSION_COMMAND, load: () => import('./version.ts') },
];

export const findCommand = (name: string): Command | null => COMMANDS.find((command) => command.spec.name === name) ?? null;

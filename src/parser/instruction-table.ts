// Keyword → parser. Adding an instruction means one file under instructions/ and one line here.
import type { Instruction } from './ast.ts';
import type { InstructionInput } from './instruction-input.ts';
import { parseArg } from './instructions/arg.ts';
import { parseCmdOrEntrypoint, parseShell } from './instructions/command.ts';
import { parseCopy } from './instructions/copy.ts';
import { parseEnv } from './instructions/env.ts';
import { parseFrom } from './instructions/from.ts';
import { parseHealthcheck } from './instructions/healthcheck.ts';
import { parseExpose, parseVolume } from './instructions/lists.ts';
import { parseOnbuild } from './instructions/onbuild.ts';
import { parseRun } from './instructions/run.ts';
import { parseMaintainer, parseSingle } from './instructions/single.ts';

/** Returns null when the instruction could not be understood; it has reported why. */
export type InstructionParser = (input: InstructionInput) => Instruction | null;

export const INSTRUCTIONS: Readonly<Record<string, InstructionParser>> = {
  ADD: parseCopy('add'),
  ARG: parseArg,
  CMD: parseCmdOrEntrypoint('cmd'),
  COPY: parseCopy('copy'),
  ENTRYPOINT: parseCmdOrEntrypoint('entrypoint'),
  ENV: parseEnv('env'),
  EXPOSE: parseExpose,
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: parseEnv('label'),
  MAINTAINER: parseMaintainer,
  ONBUILD: parseOnbuild,
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: parseSingle('stopsignal'),
  USER: parseSingle('user'),
  VOLUME: parseVolume,
  WORKDIR: parseSingle('workdir'),
};

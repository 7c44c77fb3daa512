// Flags of `tsbuild debug`: which step, and everything that says what is built up to there.
import { BUILD_FLAGS } from './build.ts';
import type { CommandSpec } from './flag.ts';

/** What has no meaning when no image is made. */
const OF_RESULTS: ReadonlySet<string> = new Set([
  'iidfile', 'load', 'metadata-file', 'on-error', 'output', 'push', 'tag', 'annotation', 'attest', 'provenance', 'sbom', 'check', 'call', 'format',
  'cache-mount-export',
]); // biome-ignore format: a table

export const DEBUG_COMMAND: CommandSpec = {
  name: 'debug',
  summary: 'Open a shell right before a step of a build, with the mounts of that step',
  usage: 'CONTEXT',
  flags: [
    {
      name: 'step',
      kind: 'value',
      placeholder: 'N|NAME',
      help: "Number of the step in the target's stage, or part of its name as progress shows it",
    },
    ...BUILD_FLAGS.filter((flag) => !OF_RESULTS.has(flag.name)),
  ],
  min: 1,
  max: 1,
  examples: ['tsbuild debug --step 4 .', "tsbuild debug --step 'RUN make' --target build ."],
};

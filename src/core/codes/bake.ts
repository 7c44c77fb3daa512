import type { CodeInfo } from '../codes.ts';

export const BAKE_DIAGNOSTICS = {
  'bake/syntax': {
    title: 'Syntax error in a bake file',
    explanation: 'The text is not HCL, JSON or YAML as bake files are written. The message says what was expected and what stands there.',
  },
  'bake/block': {
    title: 'Block not as it must be',
    explanation:
      'A target, group, variable or function block has a wrong number of labels, a name with characters other than letters, digits, "_" and "-", or misses an argument.',
  },
  'bake/unknown-name': {
    title: 'Unknown name',
    explanation: 'An expression names a variable, attribute or function that does not exist. Variables are declared with a variable block.',
  },
  'bake/type': {
    title: 'Wrong type',
    explanation: 'A value is of another type than its place needs, and cannot be converted.',
  },
  'bake/call': {
    title: 'Function call failed',
    explanation: 'A function was called with the wrong number of arguments, or with values it cannot work on.',
  },
  'bake/cycle': {
    title: 'Definition refers to itself',
    explanation:
      'Variables, functions, groups or targets need each other in a circle, which the message shows as a path. Remove one of the references.',
  },
  'bake/variable': {
    title: 'Value of a variable refused',
    explanation:
      'The value of a variable, from its default or from the environment, does not have its type or does not meet its validation.',
  },
  'bake/matrix': {
    title: 'Wrong matrix',
    explanation: 'A target with a matrix needs a name that differs for each combination, and each value of the matrix must be a list.',
  },
  'bake/attribute': {
    title: 'Attribute of a target refused',
    explanation: 'The value of an attribute is not in the form that the attribute has. docs/bake.md lists the forms.',
  },
  'bake/unknown-attribute': {
    title: 'Unknown attribute',
    explanation:
      'A block has an attribute or nested block that bake does not know. As in buildx it has no effect, so very likely it is a misspelling.',
  },
  'bake/compose': {
    title: 'Compose file refused',
    explanation: 'A compose file is not valid, or its interpolation fails. Only what concerns builds is looked at.',
  },
  'bake/unknown-target': {
    title: 'Target not defined',
    explanation: 'No target or group has that name, and no name matches the pattern. `tsbuild bake --list targets` shows all of them.',
  },
  'bake/override': {
    title: 'Override refused',
    explanation: 'A value of --set is not PATTERN.KEY=VALUE, matches no target, or names something that cannot be overridden.',
  },
  'bake/link': {
    title: 'Target cannot be used as context',
    explanation: 'A context target:NAME links a target to itself, in a circle, or to a target that is not built for the platforms needed.',
  },
  'bake/tag-conflict': {
    title: 'Two targets with one tag',
    explanation:
      'Two targets that would be built together give their images the same tag, so that the one finished last would win. Give each image a tag of its own.',
  },
} as const satisfies Record<`bake/${string}`, CodeInfo>;

export type BakeCode = keyof typeof BAKE_DIAGNOSTICS;

export const BAKE_ERRORS = {
  'bake/no-file': {
    title: 'No bake file',
    explanation:
      'No definition file was found, or one given with -f cannot be read. Without -f, bake reads compose and docker-bake files of the working directory.',
  },
  'bake/remote': {
    title: 'Remote definition not available',
    explanation: 'The git repository or URL of a remote definition could not be fetched, or it does not hold the definition file.',
  },
  'bake/host-access': {
    title: 'Definition from elsewhere asks for this machine',
    explanation:
      'A definition from a repository or URL names files of this machine outside of the working directory, or the ssh agent. Whoever wrote it could have them sent away or overwritten, so it must be granted with --allow.',
  },
  'bake/unsupported': {
    title: 'Asked for something tsbuild cannot do',
    explanation: 'The definition asks for a feature of buildx that tsbuild does not have. The message names the target and the attribute.',
  },
  'bake/no-dockerfile': {
    title: 'No Dockerfile found',
    explanation:
      '`--discover` found no Dockerfile in the working directory or below that git does not ignore, or none that can be read as one.',
  },
  'bake/no-repository': {
    title: 'No git work tree to compare with',
    explanation:
      '`--affected` compares the files of a git work tree with a commit. git is not installed, the working directory is not in a work tree, or git cannot read the repository.',
  },
  'bake/unknown-ref': {
    title: 'Commit to compare with not found',
    explanation:
      '`--affected=REF` names no commit of this repository, or the commit is not here because the clone is shallow. Fetch it, or name another.',
  },
  'bake/failed': {
    title: 'Targets failed',
    explanation:
      'One or more targets of a bake could not be built. Each failure is shown with its target; targets that need a failed one are not built.',
  },
} as const satisfies Record<`bake/${string}`, CodeInfo>;

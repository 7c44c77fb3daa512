import type { CodeInfo } from '../codes.ts';

export const PARSE_DIAGNOSTICS = {
  'parse/unknown-instruction': {
    title: 'Unknown instruction',
    explanation:
      'The first word of the line is not a Dockerfile instruction. Instructions are case-insensitive. Often the line above lacks the escape character that continues it.',
  },
  'parse/duplicate-directive': {
    title: 'Directive given twice',
    explanation: 'Each of the directives `syntax`, `escape` and `check` may stand once at the top of the file.',
  },
  'parse/invalid-escape': {
    title: 'Invalid escape character',
    explanation: 'The `escape` directive accepts a backslash or a backtick, nothing else.',
  },
  'parse/invalid-check': {
    title: 'Invalid check directive',
    explanation:
      'The `check` directive is up to three parts separated by `;`: `skip=` and `experimental=` with rule names or `all`, `error=` with true or false.',
  },
  'parse/line-too-long': {
    title: 'Line too long',
    explanation:
      'A physical line, heredoc lines included, may have at most 65535 bytes. Break it with continuations or move the text to a file.',
  },
  'parse/empty-file': {
    title: 'Empty Dockerfile',
    explanation: 'The file has no content at all. A Dockerfile needs at least one FROM.',
  },
  'parse/no-instructions': {
    title: 'No instructions',
    explanation: 'The file holds only comments and blank lines. A Dockerfile needs at least one FROM.',
  },
  'parse/no-stages': {
    title: 'No stages',
    explanation: 'The file holds only ARG instructions. A Dockerfile needs at least one FROM.',
  },
  'parse/no-stage-yet': {
    title: 'Instruction before FROM',
    explanation: 'Only ARG may come before the first FROM; every other instruction belongs to a stage.',
  },
  'parse/unknown-flag': {
    title: 'Unknown flag',
    explanation: 'The instruction does not have this flag. Flags stand between keyword and arguments and begin with `--`.',
  },
  'parse/duplicate-flag': {
    title: 'Flag given twice',
    explanation:
      'The same flag stands twice in one instruction, and only `--mount`, `--device` and `--exclude` may be repeated. Keep the one that is meant.',
  },
  'parse/flag-value': {
    title: 'Flag value missing or malformed',
    explanation: 'The flag needs `=VALUE`; switches accept nothing, `=true` or `=false`.',
  },
  'parse/arity': {
    title: 'Wrong number of arguments',
    explanation:
      'The instruction has fewer or more arguments than it takes. The message says how many; text with blanks that is one argument needs quotes.',
  },
  'parse/not-string-array': {
    title: 'JSON array with other things than strings',
    explanation:
      'Arguments that are a valid JSON array are the exec form, and all its elements must be strings. Quote numbers and true or false.',
  },
  'parse/json-required': {
    title: 'JSON array required',
    explanation: 'SHELL takes a JSON array of strings only, with double quotes: SHELL ["/bin/bash", "-c"].',
  },
  'parse/key-value': {
    title: 'Malformed key and value',
    explanation:
      'ENV and LABEL take `key=value` pairs, or one key and a value separated by a blank. Values with blanks need quotes; a comment cannot follow on the line.',
  },
  'parse/blank-name': {
    title: 'Blank name',
    explanation: 'A name is missing in front of `=`. Write NAME=value; a blank before the sign separates the two and is often the cause.',
  },
  'parse/unterminated-heredoc': {
    title: 'Unterminated heredoc',
    explanation:
      'The file ends before a line that holds only the name after `<<`. The terminator must not be indented, except by tabs for `<<-`.',
  },
  'parse/heredoc-destination': {
    title: 'Heredoc as destination',
    explanation: 'The last argument of COPY and ADD is the destination and must be a path.',
  },
  'parse/stage-name': {
    title: 'Invalid stage name',
    explanation: 'Stage names begin with a letter and go on with letters, digits, `-`, `_` and `.`.',
  },
  'parse/from-expansion': {
    title: 'Variable where none is expanded',
    explanation:
      '`--from` and the `from` of a mount are not expanded. Define a stage `FROM $VARIABLE AS name` with a global ARG and refer to that name.',
  },
  'parse/mount-field': {
    title: 'Malformed mount',
    explanation:
      'The value of `--mount` is not a comma-separated list of fields. A field that contains a comma is put in double quotes, which need a backslash.',
  },
  'parse/network-mode': {
    title: 'Invalid network mode',
    explanation:
      '`RUN --network` accepts default, none and host: the network of the build, no network at all, or that of the machine, which needs --allow network.host.',
  },
  'parse/security-mode': {
    title: 'Invalid security mode',
    explanation:
      '`RUN --security` accepts sandbox and insecure. insecure runs the step with all privileges and needs --allow security.insecure.',
  },
  'parse/device': {
    title: 'Malformed device',
    explanation: '`RUN --device` takes one CDI device name, optionally followed by `,required`.',
  },
  'parse/healthcheck': {
    title: 'Malformed HEALTHCHECK',
    explanation: 'HEALTHCHECK is followed by NONE alone, or by options and CMD with a command.',
  },
  'parse/duration': {
    title: 'Invalid duration',
    explanation: 'Durations are numbers with units (ns, us, ms, s, m, h) such as 30s or 1m30s, at least 1ms, or 0 for the default.',
  },
  'parse/volume': {
    title: 'Empty volume path',
    explanation: 'A path in the list of VOLUME is empty. Every entry must name a directory of the image; remove the empty one.',
  },
  'parse/onbuild-trigger': {
    title: 'Trigger not allowed',
    explanation:
      'ONBUILD, FROM and MAINTAINER cannot be triggers of ONBUILD: a trigger runs inside the stage that is built on the image. Use another instruction.',
  },
  'parse/empty-continuation': {
    title: 'Blank line inside an instruction (NoEmptyContinuation)',
    explanation:
      'A line ends with the escape character and a blank line follows. It is skipped today; remove it or turn it into a comment.',
  },
  'parse/too-many-words': {
    title: 'Too many words',
    explanation:
      'One instruction may list fifty thousand words, so that a hostile file cannot take all memory. Split it into several instructions.',
  },
  'parse/too-many-instructions': {
    title: 'Too many instructions',
    explanation: 'A Dockerfile may hold about a hundred thousand instructions and comment blocks; the rest of this one was not read.',
  },
  'parse/too-many-problems': {
    title: 'Too many problems',
    explanation: 'The file has more problems than are shown. Fix the first ones and try again.',
  },
} as const satisfies Record<`parse/${string}`, CodeInfo>;

// Random Dockerfiles for properties: arbitrary text made of the characters that matter, and texts of
// well-formed instructions with odd spacing, quoting and continuations.
import fc from 'fast-check';

const PIECES = [
  'FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'LABEL', 'ARG', 'CMD', 'ENTRYPOINT', 'SHELL', 'HEALTHCHECK', 'EXPOSE', 'VOLUME', 'USER', 'WORKDIR',
  'STOPSIGNAL', 'ONBUILD', 'MAINTAINER', 'NONE', 'AS', ' ', '  ', '\t', '\n', '\r\n', '\\', '\\\n', '`', '`\n', '"', "'", '$', '${', '}', ':-',
  ':+', ':?', '#', '##', '%', '/', '<<', '<<-', 'EOF', '\nEOF\n', '=', '--', '--mount=', '--from=', 'type=cache', ',', '[', ']', '["a", "b"]',
  '1', '0', 'a', 'b', '# escape=`\n', '# check=skip=X\n', '\ufeff', '\u0085', '\u00a0', 'é', '😀', '\ud800', '\0', '\u001b[0m',
]; // biome-ignore format: one list

/** Text near the grammar: most of it is broken. */
export const hostileText = fc
  .array(
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...PIECES) }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) }),
    {
      maxLength: 60,
    },
  )
  .map((pieces) => pieces.join(''));

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/);
const blank = fc.constantFrom(' ', '  ', '\t', ' \\\n', ' \\\n# comment\n  ');
const substitution = fc.oneof(
  name.map((item) => `$${item}`),
  fc
    .tuple(name, fc.constantFrom('', ':-d', '-$e', ':+"f g"', ':?no', '#*.', '##a', '%.*', '%%/', '/x/y', '//\\//-'))
    .map(([item, rest]) => `\${${item}${rest}}`),
);
const plain = fc.constantFrom('a', 'b.c', '/x/y', '*', "'q r'", '"s $t"', '\\$', '\\"', '""', 'é', '😀');
const word = fc.array(fc.oneof(plain, substitution), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
/** No blanks inside: safe where words are split without regard to quotes. */
const bare = word.filter((text) => !/[\s"']/.test(text) && !text.startsWith('-') && !text.startsWith('['));
const command = fc.oneof(
  fc.array(fc.constantFrom('echo', '"a  b"', '$x', '&& #', '2>&1', '|'), { minLength: 1, maxLength: 5 }).map((words) => words.join(' ')),
  fc.array(fc.string({ unit: 'grapheme', maxLength: 5 }), { minLength: 1, maxLength: 3 }).map((args) => JSON.stringify(args)),
);
const body = fc
  .array(fc.constantFrom('line', '\ttab $x', '"quoted" \\$y', '', '#!/bin/sh'), { maxLength: 3 })
  .map((lines) => lines.map((line) => `${line}\n`).join(''));
const opener = fc.constantFrom('<<EOF', '<<-EOF', "<<'EOF'", '3<<EOF', '<<"EOF"');

const joined = (parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.tuple(...parts), fc.array(blank, { minLength: parts.length, maxLength: parts.length }))
    .map(([texts, blanks]) => texts.reduce((line, text, index) => (text === '' ? line : `${line}${blanks[index] ?? ' '}${text}`)));

const instruction = fc.oneof(
  joined([
    fc.constantFrom('RUN', 'run'),
    fc.constantFrom('', '--network=none', '--mount=type=cache,target=/c', '--mount=ro,src=$a'),
    command,
  ]),
  joined([fc.constantFrom('CMD', 'ENTRYPOINT', 'HEALTHCHECK --interval=1m30s --retries=2 CMD', 'HEALTHCHECK CMD'), command]),
  joined([
    fc.constantFrom('COPY', 'ADD'),
    fc.constantFrom('', '--chown=$u:1', '--link --exclude="*.md"', '--link=false --chmod=755'),
    bare,
    bare,
  ]),
  joined([fc.constantFrom('COPY', 'ADD'), fc.tuple(word, word).map((words) => JSON.stringify(words))]),
  joined([
    fc.constantFrom('ENV', 'LABEL', 'ARG'),
    fc.tuple(name, word).map(([key, value]) => `${key}=${value}`),
    fc.tuple(name, word).map(([key, value]) => `${key}=${value}`),
  ]),
  joined([fc.constantFrom('ENV', 'LABEL'), name, word]),
  joined([fc.constant('ARG'), name]),
  joined([fc.constantFrom('USER', 'WORKDIR', 'STOPSIGNAL', 'MAINTAINER'), word]),
  joined([fc.constantFrom('VOLUME', 'EXPOSE'), bare, bare]),
  joined([fc.constant('VOLUME'), word.map((text) => JSON.stringify([text]))]),
  joined([fc.constant('ONBUILD'), fc.constantFrom('RUN a b', 'COPY --from=x a b', 'USER x')]),
  fc.constant('SHELL ["/bin/sh", "-c"]'),
  fc.tuple(fc.constantFrom('RUN', 'RUN cat', 'ONBUILD RUN'), opener, body).map(([start, open, text]) => `${start} ${open}\n${text}EOF`),
  fc
    .tuple(fc.constantFrom('COPY', 'ADD --chmod=1'), opener, bare, body)
    .map(([start, open, dest, text]) => `${start} ${open} ${dest}\n${text}EOF`),
);

const stage = fc
  .tuple(
    bare.filter((text) => !text.startsWith('<')),
    fc.constantFrom('', ' AS base', ' as Base_2'),
    fc.array(instruction, { maxLength: 6 }),
  )
  .map(([image, as, lines]) => [`FROM ${image}${as}`, ...lines].join('\n'));

/** Dockerfiles without errors. */
export const soundDockerfile = fc
  .tuple(fc.constantFrom('', '# syntax=docker/dockerfile:1\n', '# note\n', 'ARG v=1\n'), fc.array(stage, { minLength: 1, maxLength: 3 }))
  .map(([head, stages]) => `${head}${stages.join('\n\n# about it\n')}\n`);

// `--call=outline`: what can be given to a build of the target (S-02).

import type { Outline, OutlineArg, OutlineItem } from '../../build/inspect-build.ts';
import type { SourceFile } from '../../core/span.ts';
import { columns } from './columns.ts';
import { locationOf, printJson, sourceData } from './docker-json.ts';

export function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [...(name === undefined ? [] : [['TARGET:', name]]), ...(description === undefined ? [] : [['DESCRIPTION:', description]])];
  const required = (items: readonly OutlineItem[]): string[][] => items.map((item) => [item.id, item.required ? 'true' : '']);
  return [
    ...(head.length === 0 ? [] : [columns(head, 1)]),
    ...(args.length === 0
      ? []
      : [
          table(
            ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
            args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
          ),
        ]),
    ...(secrets.length === 0 ? [] : [table(['SECRET', 'REQUIRED'], required(secrets))]),
    ...(ssh.length === 0 ? [] : [table(['SSH', 'REQUIRED'], required(ssh))]),
  ]
    .map((part) => `${part}\n`)
    .join('');
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => columns([head, ...rows], 3);

/** An empty value is left out, as in Docker. */
const argument = ({ span, value, ...arg }: OutlineArg, file: SourceFile): object => ({
  ...arg,
  ...(value && { value }),
  location: locationOf(span, file),
});

export function outlineJson(outline: Outline, file: SourceFile): string {
  const { name, description, args, secrets, ssh, caches } = outline;
  const item = ({ id, required, span }: OutlineItem): object => ({
    name: id,
    ...(required && { required }),
    location: locationOf(span, file),
  });
  return printJson({
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(args.length > 0 && { args: args.map((arg) => argument(arg, file)) }),
    ...(secrets.length > 0 && { secrets: secrets.map(item) }),
    ...(ssh.length > 0 && { ssh: ssh.map(item) }),
    ...(caches.length > 0 && { cache: caches.map(({ id, span }) => ({ ID: id, location: locationOf(span, file) })) }),
    sources: [sourceData(file)],
  });
}

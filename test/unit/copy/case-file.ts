// Copy cases as text: instructions, then sections with one file tree each (context, base, src,
// `archive NAME [CODEC]`: a tar of these entries in the context) and what
// Docker answered (one `layer N` section per instruction, or `error`). Shared by the table test and the recorder.
//
// A tree line is `TYPE MODE UID:GID TIME PATH [= "content" | -> target | MAJOR,MINOR] [{xattr="value"}]`;
// TYPE is f, d, l (symlink), h (hard link), c, b, p (fifo), s (socket) or w (whiteout); TIME is seconds or `now`.
import type { FileEntry, FileType } from '../../../src/core/file-entry.ts';

export interface TreeLine extends Omit<FileEntry, 'type'> {
  readonly type: FileType | 'socket';
  readonly now: boolean;
  /** Content of a file, latin1. */
  readonly content?: string;
}

export interface CopyCase {
  /** Lines before the first section that start with `#`. */
  readonly comment: readonly string[];
  /** Error code expected of us; written by hand. */
  readonly code?: string;
  readonly instructions: readonly string[];
  readonly sections: ReadonlyMap<string, readonly string[]>;
}

const TYPES: Readonly<Record<string, TreeLine['type']>> = {
  f: 'file',
  d: 'dir',
  l: 'symlink',
  h: 'hardlink',
  c: 'char',
  b: 'block',
  p: 'fifo',
  s: 'socket',
  w: 'whiteout',
};
const LETTERS = new Map(Object.entries(TYPES).map(([letter, type]) => [type, letter]));
const LINE = /^(\w) ([0-7]+) (\d+):(\d+) (now|-?\d+) (.*?)(?: = (".*?")| -> (.*?)| (\d+),(\d+))?(?: (\{.*\}))?$/;

export function parseTreeLine(line: string): TreeLine {
  const match = LINE.exec(line);
  const type = TYPES[match?.[1] ?? ''];
  if (match === null || type === undefined) throw new Error(`not a tree line: ${line}`);
  const content = match[7] === undefined ? (type === 'file' ? '' : undefined) : (JSON.parse(match[7]) as string);
  return {
    path: unquote(match[6] ?? ''),
    type,
    mode: Number.parseInt(match[2] ?? '', 8),
    uid: Number(match[3]),
    gid: Number(match[4]),
    size: content?.length ?? 0,
    now: match[5] === 'now',
    mtime: match[5] === 'now' ? -1 : Number(match[5]),
    ...(content === undefined ? {} : { content }),
    ...(match[8] === undefined ? {} : { link: unquote(match[8]) }),
    ...(match[9] === undefined ? {} : { devMajor: Number(match[9]), devMinor: Number(match[10]) }),
    ...(match[11] === undefined ? {} : { xattrs: JSON.parse(match[11]) as Record<string, string> }),
  };
}

const unquote = (text: string): string => (text.startsWith('"') ? (JSON.parse(text) as string) : text === '.' ? '' : text);
const quote = (text: string): string => (/^"|[\n\r]| (= |-> |\d+,)/.test(text) ? JSON.stringify(text) : text === '' ? '.' : text);

export function printTreeLine(line: TreeLine): string {
  const time = line.now ? 'now' : String(line.mtime);
  let text = `${LETTERS.get(line.type) ?? '?'} ${line.mode.toString(8).padStart(3, '0')} ${line.uid}:${line.gid} ${time} ${quote(line.path)}`;
  if (line.type === 'file' && line.content !== '') text += ` = ${JSON.stringify(line.content)}`;
  if (line.link !== undefined && (line.type === 'symlink' || line.type === 'hardlink')) text += ` -> ${quote(line.link)}`;
  if (line.type === 'char' || line.type === 'block') text += ` ${line.devMajor ?? 0},${line.devMinor ?? 0}`;
  if (line.xattrs !== undefined && Object.keys(line.xattrs).length > 0) text += ` ${JSON.stringify(line.xattrs)}`;
  return text;
}

export function parseCase(text: string): CopyCase {
  const comment: string[] = [];
  const instructions: string[] = [];
  const sections = new Map<string, string[]>();
  let code: string | undefined;
  let section: string[] | null = null;
  const heredocs: string[] = [];
  for (const line of text.split('\n')) {
    if (heredocs.length > 0) {
      instructions.push(`${instructions.pop() ?? ''}\n${line}`);
      if (line === heredocs[0]) heredocs.shift();
    } else if (line.startsWith('--- ')) {
      section = [];
      sections.set(line.slice(4), section);
    } else if (line === '') continue;
    else if (section !== null) section.push(line);
    else if (line.startsWith('#')) comment.push(line);
    else if (line.startsWith('code: ')) code = line.slice(6);
    else {
      instructions.push(line);
      heredocs.push(...[...line.matchAll(/<<(\w+)/g)].map((match) => match[1] ?? ''));
    }
  }
  return { comment, instructions, sections, ...(code === undefined ? {} : { code }) };
}

export function printCase(value: CopyCase): string {
  const head = [...value.comment, ...(value.code === undefined ? [] : [`code: ${value.code}`]), ...value.instructions];
  const body = [...value.sections].map(([name, lines]) => [`--- ${name}`, ...lines].join('\n'));
  return `${[head.join('\n'), ...body].join('\n')}\n`;
}

export const treeOf = (value: CopyCase, name: string): TreeLine[] => (value.sections.get(name) ?? []).map(parseTreeLine);

// Plans the instructions of a copy case over trees in memory and prints the layers as the recorder does.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceTree } from '../../../src/context/source-tree.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { comparePaths } from '../../../src/core/path-bytes.ts';
import { type CopyPlan, planCopy } from '../../../src/executor/copy/plan-copy.ts';
import { planMkdir } from '../../../src/executor/copy/plan-mkdir.ts';
import { runCopy } from '../../../src/executor/copy/run-copy.ts';
import type { LayerResult } from '../../../src/executor/executor.ts';
import type { LayerContent, LayerSink } from '../../../src/executor/layer/layer-sink.ts';
import type { CopyOp, CopySource } from '../../../src/graph/op.ts';
import { archivesOf } from './archives-of.ts';
import { type CopyCase, printTreeLine, type TreeLine, treeOf } from './case-file.ts';
import { drain } from './tar-of.ts';

/** Later than every time in a case. */
export const NOW = 1_900_000_000;

const sha256 = (content: string): string => createHash('sha256').update(Buffer.from(content, 'latin1')).digest('hex');

/** Lines of a tree over each other: what a merged stack of layers answers. */
export class LineTree implements SourceTree {
  readonly #lines = new Map<string, TreeLine>();
  readonly #names = new Map<string, Set<string>>();
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  add(lines: readonly TreeLine[]): this {
    for (const line of lines) {
      const old = this.#lines.get(line.path);
      if (old?.type === 'dir' && line.type !== 'dir')
        for (const path of [...this.#lines.keys()]) if (path.startsWith(`${line.path}/`)) this.#remove(path);
      if (line.type === 'whiteout') this.#remove(line.path);
      else this.#set(line);
    }
    return this;
  }

  #set(line: TreeLine): void {
    this.#lines.set(line.path, line);
    const slash = line.path.lastIndexOf('/');
    const parent = line.path.slice(0, Math.max(slash, 0));
    const names = this.#names.get(parent) ?? new Set();
    names.add(line.path.slice(slash + 1));
    this.#names.set(parent, names);
  }

  #remove(path: string): void {
    for (const key of [...this.#lines.keys()]) {
      if (key !== path && !key.startsWith(`${path}/`)) continue;
      this.#lines.delete(key);
      this.#names.get(key.slice(0, Math.max(key.lastIndexOf('/'), 0)))?.delete(key.slice(key.lastIndexOf('/') + 1));
    }
  }

  lstat(path: string): FileEntry | null {
    if (path === '') return { path: '', type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: NOW };
    const line = this.#lines.get(path);
    if (line === undefined) return null;
    if (line.type === 'hardlink') {
      const first = this.lstat(line.link ?? '');
      return first === null ? null : { ...first, path };
    }
    const { now, content, type, ...rest } = line;
    return {
      ...rest,
      type: type === 'socket' ? 'file' : type,
      mtime: now ? NOW : line.mtime,
      ...(type === 'file' ? { sha256: sha256(content ?? '') } : {}),
    };
  }

  readdir(path: string): readonly string[] {
    return [...(this.#names.get(path) ?? [])].sort(comparePaths);
  }

  linkGroup({ path }: FileEntry): string | undefined {
    const line = this.#lines.get(path);
    return line?.type === 'hardlink' ? line.link : line?.type === 'file' ? path : undefined;
  }

  hostPath(path: string): string {
    const file = join(this.#dir, sha256(path));
    writeFileSync(file, this.bytes(path));
    return file;
  }

  bytes(path: string): Buffer {
    const line = this.#lines.get(path);
    return line?.type === 'hardlink' ? this.bytes(line.link ?? '') : Buffer.from(line?.content ?? '', 'latin1');
  }
}

/** Entries of the layer of each instruction, as text lines. */
export async function planCase(value: CopyCase): Promise<string[][]> {
  const dir = mkdtempSync(join(tmpdir(), 'copy-plan-'));
  try {
    const context = new LineTree(dir).add([...treeOf(value, 'context'), ...(await archivesOf(value))]);
    const stage = new LineTree(dir).add(treeOf(value, 'src'));
    const base = new LineTree(dir).add(treeOf(value, 'base'));
    let scratch = !value.sections.has('base');
    const layers: string[][] = [];
    let user = '';
    for (const instruction of value.instructions) {
      const common = { base: scratch ? null : base, time: NOW, identity: (path: string) => base.bytes(path).toString('latin1') };
      let plan: CopyPlan;
      if (instruction.startsWith('USER ')) {
        user = instruction.slice(5);
        continue;
      }
      if (instruction.startsWith('WORKDIR ')) plan = planMkdir({ ...common, op: { type: 'mkdir', path: instruction.slice(8), user } });
      else {
        const op = opOf(instruction);
        const tree = instruction.includes('--from=src') ? stage : context;
        plan = await planCopy({ ...common, op, sources: { 1: { type: 'tree', tree } } });
      }
      const lines = await linesOf(plan);
      layers.push(lines.map(printTreeLine));
      base.add(lines);
      scratch = false;
    }
    return layers;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Runs the plan into a sink in memory. */
async function linesOf(plan: CopyPlan): Promise<TreeLine[]> {
  const lines: TreeLine[] = [];
  const sink: LayerSink = {
    add: async (entry, content) => {
      const { sha256: _, ...rest } = entry;
      const now = entry.mtime === NOW;
      lines.push({ ...rest, now, ...(entry.type === 'file' ? { content: await textOf(content) } : {}) });
    },
    finish: () => Promise.resolve({} as LayerResult),
    abort: () => Promise.resolve(),
  };
  await runCopy(plan, sink);
  return lines;
}

async function textOf(content: LayerContent | undefined): Promise<string> {
  if (content === undefined) return '';
  if (typeof content === 'string') return readFileSync(content, 'latin1');
  return (content instanceof Uint8Array ? Buffer.from(content) : await drain(content)).toString('latin1');
}

/** The op that the planner makes of a COPY or ADD with WORKDIR /. */
export function opOf(instruction: string): CopyOp {
  const [line = '', ...rest] = instruction.split('\n');
  const words = line.split(' ');
  const flags = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
  const flag = (name: string): string | undefined =>
    flags.find((text) => text === name || text.startsWith(`${name}=`))?.slice(name.length + 1);
  const args = words.slice(1).filter((word) => !word.startsWith('--'));
  const dest = args.pop() ?? '';
  const bodyOf = (name: string): string => {
    const lines = rest.splice(0, rest.indexOf(name) + 1).slice(0, -1);
    return lines.map((text) => `${text}\n`).join('');
  };
  const sources = args.map((arg): CopySource => {
    if (arg.startsWith('<<')) return { type: 'inline', name: arg.slice(2), content: bodyOf(arg.slice(2)) };
    return { type: 'files', input: 1, pattern: flag('parents') === undefined ? arg.replace(/^\.?\//, '').replace(/^\.$|\/$/, '') : arg };
  });
  const chown = flag('chown');
  const chmod = flag('chmod');
  return {
    type: 'copy',
    keyword: words[0] === 'ADD' ? 'ADD' : 'COPY',
    sources,
    dest: `/${dest.replace(/^\//, '').replace(/\/\.?$|^\.$/, '')}`,
    destIsDir: /(^|\/)\.?$/.test(dest),
    link: flag('link') !== undefined,
    parents: flag('parents') !== undefined,
    exclude: flags.filter((text) => text.startsWith('exclude=')).map((text) => text.slice(8)),
    unpack: words[0] !== 'ADD' || flag('unpack') === 'false' ? 'never' : flag('unpack') === undefined ? 'auto' : 'always',
    ...(chown === undefined ? {} : { chown }),
    ...(chmod === undefined ? {} : { chmod }),
  };
}

// Records what Docker answers to a copy case: `node scripts/record-copy-cases.ts fixtures/copy/GROUP/CASE.txt…` rewrites the `layer N`
// and `error` sections of each file. Needs Docker with buildx (the command in $DOCKER, default `docker`) and root.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { archivesOf } from '../test/unit/copy/archives-of.ts';
import { type CopyCase, parseCase, printCase, printTreeLine, type TreeLine, treeOf } from '../test/unit/copy/case-file.ts';
import { drain, TAR_TYPES, tarOf } from '../test/unit/copy/tar-of.ts';

/** Times in cases are older; later ones are those of the build, or of an earlier one that Docker has cached. */
const RECENT = 1_700_000_000;
const DOCKER = (process.env['DOCKER'] ?? 'docker').split(' ');
async function writeLayout(dir: string, lines: readonly TreeLine[]): Promise<void> {
  const put = (bytes: Buffer): { digest: string; size: number } => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    mkdirSync(join(dir, 'blobs/sha256'), { recursive: true });
    writeFileSync(join(dir, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const layer = put(await tarOf(lines));
  const config = put(json({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [layer.digest] } }));
  const manifest = put(
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
    }),
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, annotations }] };
  writeFileSync(join(dir, 'index.json'), json(index));
  writeFileSync(join(dir, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
}

function writeTree(root: string, lines: readonly TreeLine[]): void {
  for (const line of lines) {
    const path = join(root, line.path);
    mkdirSync(dirname(path), { recursive: true });
    if (line.type === 'dir') mkdirSync(path, { recursive: true });
    else if (line.type === 'file') writeFileSync(path, Buffer.from(line.content ?? '', 'latin1'));
    else if (line.type === 'symlink') symlinkSync(line.link ?? '', path);
    else if (line.type === 'hardlink') linkSync(join(root, line.link ?? ''), path);
    else if (line.type === 'socket')
      execFileSync('python3', ['-c', 'import socket,sys;socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]);
    else
      execFileSync('mknod', [
        path,
        ...(line.type === 'fifo' ? ['p'] : [line.type === 'char' ? 'c' : 'b', String(line.devMajor), String(line.devMinor)]),
      ]);
    if (line.type !== 'symlink' && line.type !== 'hardlink') {
      chownSync(path, line.uid, line.gid);
      chmodSync(path, line.mode);
    }
  }
  for (const line of lines.toReversed()) lutimesSync(join(root, line.path), line.mtime, line.mtime);
}

interface LayerOut {
  readonly lines: string[];
}

async function layersOf(archive: string, dir: string): Promise<LayerOut[]> {
  execFileSync('tar', ['-xf', archive, '-C', dir]);
  const blob = (digest: string): Buffer => readFileSync(join(dir, 'blobs/sha256', digest.slice(7)));
  let node = JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8'));
  while (node.manifests !== undefined) node = JSON.parse(blob(node.manifests[0].digest).toString());
  const out: LayerOut[] = [];
  for (const layer of node.layers) {
    const raw = blob(layer.digest);
    const lines: string[] = [];
    const reader = extract();
    reader.end(raw[0] === 0x1f ? gunzipSync(raw) : raw);
    for await (const entry of reader) lines.push(printTreeLine(await lineOf(entry)));
    out.push({ lines });
  }
  return out;
}

// biome-ignore lint/suspicious/noExplicitAny: the entry type of tar-stream's iterator is not exported
async function lineOf(entry: any): Promise<TreeLine> {
  const header = entry.header;
  const content = (await drain(entry)).toString('latin1');
  const path = header.name.replace(/\/$/, '');
  const base = path.slice(path.lastIndexOf('/') + 1);
  const type = (Object.entries(TAR_TYPES).find(([, name]) => name === header.type)?.[0] ?? '?') as TreeLine['type'];
  const mtime = Math.floor(header.mtime.getTime() / 1000);
  const xattrs = Object.fromEntries(
    Object.entries((header.pax ?? {}) as Record<string, string>).flatMap(([name, value]) =>
      name.startsWith('SCHILY.xattr.') ? [[name.slice(13), value]] : [],
    ),
  );
  const whiteout = base.startsWith('.wh.');
  return {
    path: whiteout ? path.slice(0, path.length - base.length) + base.slice(4) : path,
    type: whiteout ? 'whiteout' : type,
    mode: header.mode,
    uid: Number(header.pax?.uid ?? header.uid),
    gid: Number(header.pax?.gid ?? header.gid),
    size: content.length,
    mtime,
    now: mtime >= RECENT,
    ...(type === 'file' ? { content } : {}),
    ...(header.linkname === null || header.linkname === undefined ? {} : { link: header.linkname }),
    ...(type === 'char' || type === 'block' ? { devMajor: header.devmajor, devMinor: header.devminor } : {}),
    ...(Object.keys(xattrs).length === 0 ? {} : { xattrs }),
  };
}

async function record(value: CopyCase, dir: string): Promise<CopyCase> {
  // A name of its own: Docker would otherwise compare with the files of the case before, by size and time only.
  const context = join(dir, basename(dir));
  mkdirSync(context);
  writeTree(context, [...treeOf(value, 'context'), ...(await archivesOf(value))]);
  const flags: string[] = [];
  for (const name of ['base', 'src'] as const) {
    if (!value.sections.has(name)) continue;
    await writeLayout(join(dir, name), treeOf(value, name));
    flags.push('--build-context', `${name}=oci-layout://${join(dir, name)}:latest`);
  }
  const base = value.sections.has('base');
  writeFileSync(
    join(dir, 'Dockerfile'),
    `${value.comment.filter((line) => line.startsWith('# syntax=')).join('\n')}\nFROM ${base ? 'base' : 'scratch'}\n${value.instructions.join('\n')}\n`,
  );
  const out = join(dir, 'out.tar');
  const args = [
    'buildx',
    'build',
    '--no-cache',
    '--provenance=false',
    '--progress=plain',
    '--output',
    `type=oci,dest=${out}`,
    '-f',
    join(dir, 'Dockerfile'),
    ...flags,
    context,
  ];
  const done = spawnSync(DOCKER[0] ?? 'docker', [...DOCKER.slice(1), ...args], { encoding: 'utf8' });
  const sections = new Map([...value.sections].filter(([name]) => !/^(layer \d+|error)$/.test(name)));
  if (done.status !== 0) {
    const line = done.stderr.split('\n').findLast((text) => text.startsWith('ERROR:')) ?? done.stderr;
    sections.set('error', [
      line.replace(/^ERROR: failed to build: failed to solve: /, '').replaceAll(/\/\S*\/(?:buildkit\d+|snapshots\/\d+\/fs)/g, 'ROOT'),
    ]);
  } else {
    mkdirSync(join(dir, 'oci'));
    const layers = await layersOf(out, join(dir, 'oci'));
    for (const [index, layer] of layers.slice(base ? 1 : 0).entries()) sections.set(`layer ${index + 1}`, layer.lines);
  }
  return { ...value, sections };
}

/** Docker's context transfer loses the time of a directory now and then (a race): of several answers the one that kept it counts. */
const TRIES = 4;

async function recordStable(value: CopyCase): Promise<CopyCase> {
  let best = value;
  for (let at = 0; at < TRIES; at++) {
    const dir = mkdtempSync(join(tmpdir(), 'copy-case-'));
    try {
      const answer = await record(value, dir);
      const earlier = best.sections;
      best = {
        ...answer,
        sections: new Map([...answer.sections].map(([name, lines]) => [name, keepTimes(lines, earlier.get(name) ?? [])])),
      };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
    if (best.sections.has('error')) break;
  }
  return best;
}

function keepTimes(lines: readonly string[], others: readonly string[]): string[] {
  return lines.map((line, index) => {
    const other = others[index] ?? '';
    const blank = (text: string): string => text.replace(/^(\S+ \S+ \S+) \S+/, '$1');
    return line.split(' ')[3] === 'now' && blank(line) === blank(other) ? other : line;
  });
}

if (import.meta.main) {
  for (const file of process.argv.slice(2)) {
    writeFileSync(file, printCase(await recordStable(parseCase(readFileSync(file, 'utf8')))));
    process.stdout.write(`== ${file}\n${readFileSync(file, 'utf8')}`);
  }
}

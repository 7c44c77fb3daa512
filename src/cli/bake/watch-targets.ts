// `bake --watch`: builds, waits until something changed that a target reads, and builds those targets
// again, until interrupted. What is read is looked at before each build, so that an edit made during it
// leads to another.
import { dirname, relative } from 'node:path';
import { type OpenBakeOptions, openBake } from '../../build/bake/open-bake.ts';
import type { WatchedChange, WatchedTargets } from '../../build/watch/watched-targets.ts';
import { displayText } from '../../core/display-text.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { Cli } from '../commands/command.ts';
import { withSession } from '../commands/session.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { reportError } from '../report-error.ts';
import { reportAll } from './report-all.ts';

type Resolved = Awaited<ReturnType<typeof openBake>>;
type Build = (resolved: Resolved) => Promise<number>;

/** Never resolves: ends by the reason of the interrupt. */
export async function watchTargets(args: ParsedArgs, cli: Cli, options: OpenBakeOptions, build: Build): Promise<never> {
  refuseOthers(args, options);
  const mode = args.values.get('watch');
  if (mode !== undefined && mode !== 'poll') throw usageError('bake', `--watch takes no value but poll, got ${JSON.stringify(mode)}`);
  const { DirectoryWatcher } = await import('../../build/watch/directory-watcher.ts');
  const notice = (message: string): void => cli.stderr.write(`note: ${message}\n`);
  const watcher = new DirectoryWatcher({ signal: cli.signal, poll: mode === 'poll', notice });
  const watch = new Watch(args, cli, options, build, watcher);
  try {
    for (;;) {
      await watch.buildChanges();
      await watcher.changed(watch.cost);
    }
  } finally {
    watcher.close();
  }
}

function refuseOthers(args: ParsedArgs, options: OpenBakeOptions): void {
  if (options.remote !== undefined) throw usageError('bake', '--watch is for definitions of this machine');
  const switches = ['print', 'check', 'affected'].filter((name) => isOn(args, name));
  const [other] = [
    ...switches,
    ...[...args.lists.keys()].filter((name) => name === 'durations'),
    ...['list', 'shard', 'call'].filter((name) => args.values.has(name)),
  ];
  if (other !== undefined && args.values.get(other) !== 'build') throw usageError('bake', `--watch builds; it does not go with --${other}`);
}

interface Watcher {
  readonly polling: boolean;
  watch(directories: ReadonlySet<string>): boolean;
}

class Watch {
  readonly #args: ParsedArgs;
  readonly #cli: Cli;
  readonly #options: OpenBakeOptions;
  readonly #build: Build;
  readonly #watcher: Watcher;
  #definitions = new Set<string>();
  #built: WatchedTargets = new Map();
  /** Milliseconds that looking at all inputs took last. */
  cost = 0;
  /** What was said last about a definition that cannot be used. */
  #problem: string | null = null;

  constructor(args: ParsedArgs, cli: Cli, options: OpenBakeOptions, build: Build, watcher: Watcher) {
    this.#args = args;
    this.#cli = cli;
    this.#options = options;
    this.#build = build;
    this.#watcher = watcher;
  }

  /** Until what was built is what is there; rejects only when interrupted. */
  async buildChanges(): Promise<void> {
    let directories = 0;
    for (let built = false; ; built = true) {
      const resolved = await this.#resolve();
      this.#cli.signal.throwIfAborted();
      if (resolved === null) {
        this.#watcher.watch(this.#definitions);
        return;
      }
      const { now, count } = await this.#look(resolved);
      directories = count;
      const { changedTargets } = await import('../../build/watch/watched-targets.ts');
      const changes = changedTargets(now, this.#built);
      if (changes.length === 0) {
        if (built)
          this.#say(this.#watcher.polling ? 'looking for changes every second' : `watching ${directories} directories for changes`);
        return;
      }
      if (this.#built.size > 0) this.#say(`changed: ${changes.map((change) => this.#shown(change)).join(', ')}`);
      this.#built = now;
      await this.#rebuild(resolved, changes);
      this.#cli.signal.throwIfAborted();
    }
  }

  /** Null after saying what is wrong, once. */
  async #resolve(): Promise<Resolved | null> {
    const definitions = new Set([this.#options.workingDirectory]);
    const options = { ...this.#options, onRead: (path: string): void => void definitions.add(dirname(path)) };
    let problem: string;
    let tell: () => unknown;
    try {
      const resolved = await openBake(options);
      const errors = [...resolved.diagnostics, ...resolved.conflicts];
      this.#definitions = definitions;
      if (errors.every(({ diagnostic }) => diagnostic.severity !== 'error')) {
        this.#problem = null;
        return resolved;
      }
      problem = errors.map(({ diagnostic }) => `${diagnostic.message} ${diagnostic.span?.start}`).join('\n');
      tell = () => reportAll(errors, this.#cli);
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      this.#definitions = definitions;
      problem = error.message;
      tell = () => reportError(error, this.#cli.stderr);
    }
    if (problem !== this.#problem) tell();
    this.#problem = problem;
    return null;
  }

  /** The state of all inputs, seen after they are watched. */
  async #look(resolved: Resolved): Promise<{ readonly now: WatchedTargets; readonly count: number }> {
    const { watchedTargets } = await import('../../build/watch/watched-targets.ts');
    const { environment, workingDirectory } = this.#options;
    const metadata = this.#args.values.get('metadata-file');
    const written = metadata === undefined ? [] : [metadata];
    for (;;) {
      const began = performance.now();
      const now = await withSession(this.#cli, { emit: () => undefined }, (session) =>
        watchedTargets(session, resolved.targets, { environment, workingDirectory, written }),
      );
      this.cost = performance.now() - began;
      const directories = new Set([...this.#definitions, ...[...now.values()].flatMap(({ inputs }) => [...inputs.directories])]);
      if (!this.#watcher.watch(directories)) return { now, count: directories.size };
    }
  }

  async #rebuild(resolved: Resolved, changes: readonly WatchedChange[]): Promise<void> {
    const names = new Set(changes.map(({ name }) => name));
    const targets = resolved.targets.filter((target) => !target.linked && names.has(target.name)).map((target) => target.name);
    try {
      await this.#build(await openBake({ ...this.#options, targets }));
    } catch (error) {
      if (this.#cli.signal.aborted) throw error;
      reportError(error, this.#cli.stderr);
    }
  }

  #shown({ name, because }: WatchedChange): string {
    const { workingDirectory } = this.#options;
    return `${name} (${displayText(because.startsWith('/') ? relative(workingDirectory, because) || '.' : because)})`;
  }

  #say(text: string): void {
    if (!isOn(this.#args, 'quiet')) this.#cli.stderr.write(`${text}\n`);
  }
}

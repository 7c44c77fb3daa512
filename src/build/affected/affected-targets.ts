// `bake --affected`: which targets a commit and the work tree would build differently, and why. Nothing is
// built and nothing fetched but the configuration of base images, and that only when files of a context
// changed of which the Dockerfile may not read all. A doubt makes a target affected.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { changedAttribute, type KnownTargets } from '../../bake/resolve-known.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { INDEX_DIR, TEMP_DIR } from '../../cache/store-layout.ts';
import { OpenDirectories } from '../../context/open-directories.ts';
import { TsbuildError } from '../../core/errors.ts';
import { pathToBytes } from '../../core/path-bytes.ts';
import { type OpenBakeOptions, openTargets } from '../bake/open-bake.ts';
import { PlannedTargets } from '../bake/planned-targets.ts';
import { RegistryAccess } from '../registry-access.ts';
import { GitProgram, gitFailed } from '../remote/git/git-program.ts';
import { DockerfileError } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import { realPath } from './both-states.ts';
import { checkoutModes } from './checkout-modes.ts';
import { checkoutRules } from './checkout-rules.ts';
import { ComparedContexts } from './compared-contexts.ts';
import { type ChangesOptions, contextChange } from './context-changes.ts';
import { plannedReads } from './planned-reads.ts';
import type { AffectedTarget, Reason } from './reason.ts';
import { definitionAtRef } from './ref-definition.ts';
import { listRef } from './ref-listing.ts';
import { RefTree } from './ref-tree.ts';
import { comparedCommit, openWorkTree, type WorkTree } from './work-tree.ts';

export interface AffectedOptions {
  readonly bake: OpenBakeOptions;
  /** Targets to look at, and those that they have as contexts. */
  readonly names: readonly string[];
  /** As typed; null for the default. */
  readonly ref: string | null;
  /** Fail when a base image cannot be asked, instead of counting every file: for processes that must all find the same. */
  readonly strict: boolean;
}

export interface AffectedResult {
  /** The commit as messages name it. */
  readonly ref: string;
  /** Those of `names` that are affected, in their order. */
  readonly targets: readonly AffectedTarget[];
}

/** Throws 'bake/no-repository', 'bake/unknown-ref' and what reading the repository throws. */
export async function affectedTargets(session: Session, options: AffectedOptions): Promise<AffectedResult> {
  const workingDirectory = realPath(options.bake.workingDirectory) ?? options.bake.workingDirectory;
  const bake = { ...options.bake, workingDirectory };
  const git = new GitProgram({
    state: join(session.root, INDEX_DIR),
    sshSocket: undefined,
    signal: session.signal,
    env: bake.environment,
  });
  const tree = await openWorkTree(git, workingDirectory);
  const { commit, shown } = await comparedCommit(tree, options.ref);
  const temporary = join(session.root, TEMP_DIR);
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(temporary, 'affected-'));
  const registry = new RegistryAccess(session);
  try {
    const listing = await listRef(git, tree, commit);
    const ref = new RefTree(listing, checkoutModes(listing, tree.top, process.umask()), await checkoutRules(listing, scratch));
    const now = await openTargets({ ...bake, targets: options.names });
    const before = await definitionAtRef({ ref, top: tree.top, bake, names: options.names });
    const directories = new OpenDirectories();
    const planned = new PlannedTargets(session, registry, {
      targets: now.targets,
      environment: bake.environment,
      workingDirectory,
      directories,
    });
    const search = new AffectedSearch(now, before, {
      ref,
      shown,
      top: tree.top,
      workingDirectory,
      contexts: new ComparedContexts(ref, directories, session.signal),
      reads: (target) => readsOf(planned, target, options.strict, session.signal),
      isIgnored: (path) => isIgnored(tree, path),
    });
    return { ref: shown, targets: await search.all(options.names) };
  } finally {
    await registry.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

class AffectedSearch {
  readonly #now: KnownTargets;
  readonly #before: KnownTargets;
  readonly #options: ChangesOptions;
  readonly #reasons = new Map<string, Promise<Reason | null>>();

  constructor(now: KnownTargets, before: KnownTargets, options: ChangesOptions) {
    this.#now = now;
    this.#before = before;
    this.#options = options;
  }

  async all(names: readonly string[]): Promise<AffectedTarget[]> {
    const targets: AffectedTarget[] = [];
    for (const name of names) {
      const reason = await this.#reason(name);
      if (reason !== null) targets.push({ name, reason });
    }
    return targets;
  }

  #reason(name: string): Promise<Reason | null> {
    const known = this.#reasons.get(name);
    if (known !== undefined) return known;
    const target = this.#now.targets.get(name);
    const reason = target === undefined ? Promise.resolve(this.#undefined(name, this.#now)) : this.#find(target);
    this.#reasons.set(name, reason);
    return reason;
  }

  async #find(target: BakeTarget): Promise<Reason | null> {
    const before = this.#before.targets.get(target.name);
    if (before === undefined) return this.#undefined(target.name, this.#before);
    const attribute = changedAttribute(target, before);
    if (attribute !== null) return { kind: 'attribute', input: attribute, text: `${attribute} changed in the definition` };
    const change = await contextChange(target, this.#options);
    if (change !== null) return change;
    for (const source of target.contexts?.values() ?? []) {
      const name = linkedName(source);
      const reason = name === null ? null : await this.#reason(name);
      if (name !== null && reason !== null)
        return { kind: 'target', input: name, text: `target ${name}, which it has as context: ${reason.text}` };
    }
    return null;
  }

  #undefined(name: string, { problem }: KnownTargets): Reason {
    const where = this.#options.shown;
    const text = problem === null ? `it is not defined in ${where}` : `the definition of ${where} cannot be evaluated: ${problem}`;
    return { kind: 'definition', input: name, text };
  }
}

/** Null when the build cannot be planned: it fails, or what it stands on cannot be asked. */
async function readsOf(
  planned: PlannedTargets,
  target: BakeTarget,
  strict: boolean,
  signal: AbortSignal,
): ReturnType<ChangesOptions['reads']> {
  try {
    return await plannedReads(planned, target);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DockerfileError) return null;
    // What is wrong with the files is the same in every process; what is elsewhere need not be.
    if (!(error instanceof TsbuildError) || (strict && /^(?:registry|build)\//.test(error.code))) throw error;
    return null;
  }
}

/** False also where git has no answer: in submodules, behind links. */
async function isIgnored(tree: WorkTree, path: string): Promise<boolean> {
  const input = Buffer.concat([pathToBytes(path), Buffer.from([0])]);
  try {
    await tree.run(['check-ignore', '--quiet', '-z', '--stdin'], { input });
    return true;
  } catch (error) {
    if (gitFailed(error)) return false;
    throw error;
  }
}

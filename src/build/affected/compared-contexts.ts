// Contexts in both states, for all targets together: a directory under the same ignore files is opened
// once, and what several targets read of it is compared once.
import { filteredTree } from '../../context/filtered-tree.ts';
import { parseIgnoreFile } from '../../context/ignore-file.ts';
import type { OpenDirectories } from '../../context/open-directories.ts';
import { compileRules, type PatternMatcher } from '../../context/pattern-matcher.ts';
import { InvariantError } from '../../core/errors.ts';
import type { BothStates } from './both-states.ts';
import { type ComparedTrees, type Difference, firstDifference, type ReadFiles } from './first-difference.ts';
import type { RefTree } from './ref-tree.ts';

export interface ComparedContext {
  /** Null when a build that reads `files` cannot tell the states apart. */
  difference(files: ReadFiles): Promise<Difference | null>;
}

/** Texts of the ignore files in force. */
export interface IgnoreTexts {
  readonly now: string;
  readonly before: string;
}

export class ComparedContexts {
  readonly #ref: RefTree;
  readonly #directories: OpenDirectories;
  readonly #signal: AbortSignal;
  readonly #opened = new Map<string, ComparedContext>();

  constructor(ref: RefTree, directories: OpenDirectories, signal: AbortSignal) {
    this.#ref = ref;
    this.#directories = directories;
    this.#signal = signal;
  }

  open(states: BothStates, ignore: IgnoreTexts): ComparedContext {
    const key = JSON.stringify([states, ignore]);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const context = withMemory(this.#trees(states, ignore));
    this.#opened.set(key, context);
    return context;
  }

  #trees({ path, directory }: BothStates, ignore: IgnoreTexts): ComparedTrees {
    const before = this.#ref.directory(directory);
    if (before === null) throw new InvariantError(`${directory} is no directory of the commit`);
    return {
      work: this.#directories.open(path, { ignore: { name: '.dockerignore', text: ignore.now } }).tree,
      before: filteredTree(before, matcherOf(ignore.before)),
      ref: this.#ref,
      directory,
      signal: this.#signal,
    };
  }
}

function withMemory(trees: ComparedTrees): ComparedContext {
  const found = new Map<string, Promise<Difference | null>>();
  return {
    difference(files) {
      const key = JSON.stringify(files);
      const known = found.get(key);
      if (known !== undefined) return known;
      const difference = firstDifference(trees, files);
      found.set(key, difference);
      return difference;
    },
  };
}

/** Malformed patterns fail the build that finds them. */
const matcherOf = (text: string): PatternMatcher => compileRules(parseIgnoreFile(text), '.dockerignore').matcher;

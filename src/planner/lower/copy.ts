// COPY and ADD: sources to inputs and one copy vertex (section 6). What the files are and how they
// are written is decided where the vertex runs.
import type { CopyOp, CopySource } from '../../graph/op.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { CopyInstruction, Heredoc, Word } from '../../parser/ast.ts';
import { checkIgnoredSource } from '../checks/ignored-source.ts';
import { isChmod, needsUserLookup } from '../copy-flags.ts';
import { chompedContent } from '../heredoc.ts';
import { copyText } from '../history.ts';
import { isDirectoryText, resolvePath, rootRelative } from '../paths.ts';
import { lowerRemote } from './add-remote.ts';
import { type Expander, expander, type LowerContext, type StageState, vertexMeta, withLayer, workdirOf } from './context.ts';
import { isPath } from './usable-text.ts';

interface CopyDraft {
  readonly instruction: CopyInstruction;
  readonly keyword: 'COPY' | 'ADD';
  readonly expand: Expander;
  readonly context: LowerContext;
  readonly inputs: VertexId[];
  readonly sources: CopySource[];
  /** For history: expanded sources and the names of documents. */
  readonly texts: string[];
  readonly documents: string[];
}

export function lowerCopy(state: StageState, instruction: CopyInstruction, context: LowerContext): StageState {
  const keyword = instruction.kind === 'add' ? 'ADD' : 'COPY';
  const expand = expander(state, context);
  const draft: CopyDraft = { instruction, keyword, expand, context, inputs: [state.vertex], sources: [], texts: [], documents: [] };
  const dest = expand.text(instruction.dest);
  const chown = instruction.chown && expand.text(instruction.chown.value);
  const chmod = instruction.chmod && expand.text(instruction.chmod.value);
  const sourcesDone = addSources(draft);
  if (
    dest === undefined ||
    !sourcesDone ||
    !isPath(dest, instruction.dest.span, context) ||
    (instruction.chown && chown === undefined) ||
    (instruction.chmod && chmod === undefined)
  )
    return state;
  // BuildKit drops --link as soon as --chmod is present (C-35).
  const link = (instruction.link?.value ?? false) && !chmod;
  if (!checkFlags(state, draft, { chown, chmod, link })) return state;
  const op: CopyOp = {
    type: 'copy',
    keyword,
    sources: draft.sources,
    dest: resolvePath(workdirOf(state.image.config), dest),
    destIsDir: isDirectoryText(dest),
    ...(chown && { chown }),
    ...(chmod && { chmod }),
    link,
    parents: instruction.parents?.value ?? false,
    exclude: instruction.exclude.map((flag) => flag.value.raw),
    unpack: unpackOf(instruction),
  };
  const meta = vertexMeta(state, instruction, { text: instruction.original, noCache: context.noCache }, context);
  const vertex = context.graph.add(op, draft.inputs, meta);
  const shown = { keyword, parents: op.parents, ...(chown && { chown }), ...(chmod && { chmod }), sources: draft.texts } as const;
  return withLayer(state, vertex, copyText({ ...shown, documents: draft.documents, dest }));
}

function unpackOf(instruction: CopyInstruction): CopyOp['unpack'] {
  if (instruction.kind === 'copy') return 'never';
  if (instruction.unpack === undefined) return 'auto';
  return instruction.unpack.value ? 'always' : 'never';
}

/** False after an error that was reported. All sources are looked at so that all errors show. */
function addSources(draft: CopyDraft): boolean {
  const { instruction, context } = draft;
  const { from } = instruction;
  const tree = from && from.value !== '' ? context.source(from.value, from.valueSpan, 'copy') : undefined;
  let ok = !(from && from.value !== '' && tree === undefined);
  // An empty one asks for nothing.
  const checksum = (instruction.checksum && draft.expand.text(instruction.checksum.value)) || undefined;
  if (checksum !== undefined && instruction.sources.length !== 1) {
    context.reporter.error('plan/invalid-checksum', instruction.checksum?.span, "checksum can't be specified for multiple sources");
    return false;
  }
  for (const source of instruction.sources) {
    const added = source.type === 'heredoc' ? addDocument(draft, source.heredoc) : addPath(draft, source.word, checksum, tree);
    ok = added && ok;
  }
  return ok;
}

function addPath(draft: CopyDraft, word: Word, checksum: string | undefined, tree: VertexId | undefined): boolean {
  const text = draft.expand.text(word);
  if (text === undefined) return false;
  draft.texts.push(text);
  const remote = lowerRemote({ text, span: word.span, instruction: draft.instruction, checksum }, draft.context);
  if (remote === 'failed') return false;
  if (remote === null) addFiles(draft, text, tree);
  else draft.sources.push({ type: 'remote', input: inputOf(draft, remote) });
  const { reporter, options } = draft.context;
  if (remote === null && tree === undefined && !draft.instruction.from)
    checkIgnoredSource(draft.keyword, text, word.span, options.hiddenBy, reporter);
  return true;
}

function addFiles(draft: CopyDraft, text: string, tree: VertexId | undefined): void {
  const pattern = draft.instruction.parents?.value ? withPivot(text) : rootRelative(text);
  draft.sources.push({ type: 'files', input: inputOf(draft, tree ?? draft.context.mainContext()), pattern });
}

/** With --parents the first `/./` separates what is dropped from what is kept (C-36): it survives cleaning. */
function withPivot(text: string): string {
  const at = text.indexOf('/./');
  return at === -1 ? rootRelative(text) : `${rootRelative(text.slice(0, at))}/./${rootRelative(text.slice(at + 3))}`;
}

function addDocument(draft: CopyDraft, heredoc: Heredoc): boolean {
  if (!isPath(heredoc.name, draft.instruction.span, draft.context)) return false;
  const content = heredoc.body === undefined ? chompedContent(heredoc) : draft.expand.text(heredoc.body);
  if (content === undefined) return false;
  draft.sources.push({ type: 'inline', name: heredoc.name, content });
  draft.documents.push(heredoc.name);
  return true;
}

/** Number of an input, each listed once; inputs[0] is the base even when it is also a source. */
function inputOf({ inputs }: CopyDraft, vertex: VertexId): number {
  const at = inputs.indexOf(vertex, 1);
  return at === -1 ? inputs.push(vertex) - 1 : at;
}

interface FlagValues {
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly link: boolean;
}

function checkFlags(state: StageState, { instruction, context }: CopyDraft, { chown, chmod, link }: FlagValues): boolean {
  let ok = true;
  if (chmod && !isChmod(chmod)) {
    const message = `invalid chmod parameter: '${chmod}'. it should be octal string and between 0 and 07777`;
    context.reporter.error('plan/invalid-chmod', instruction.chmod?.valueSpan, message, { hint: 'write 644, 0755 or u=rwX,go=rX' });
    ok = false;
  }
  const noPasswd = link || context.graph.get(state.vertex).op.type === 'scratch';
  if (chown && noPasswd && needsUserLookup(chown)) {
    const reason = link ? '--link copies into an empty file system' : 'the stage is empty so far';
    context.reporter.error(
      'plan/chown-name',
      instruction.chown?.valueSpan,
      `invalid user index: -1: the name in --chown=${chown} cannot be looked up`,
      {
        notes: [`names are found in /etc/passwd and /etc/group of the destination, and ${reason}`],
        hint: 'give the owner as numbers, for example --chown=1000:1000',
      },
    );
    ok = false;
  }
  return ok;
}

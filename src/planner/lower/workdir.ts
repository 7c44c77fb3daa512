// WORKDIR (I-06): metadata and a layer that makes the directory. Absolute text is stored as written,
// relative text joins the directory in force and is cleaned, empty text leaves it; only exactly `/` makes no layer.
import type { WordInstruction } from '../../parser/ast.ts';
import { cleanAbsolute, resolvePath } from '../paths.ts';
import { expander, type LowerContext, type StageState, vertexMeta, withLayer, withMetadata, workdirOf } from './context.ts';
import { isPath } from './usable-text.ts';

export function lowerWorkdir(state: StageState, instruction: WordInstruction, context: LowerContext): StageState {
  const text = expander(state, context).text(instruction.word);
  if (text === undefined || !isPath(text, instruction.word.span, context)) return state;
  const absolute = text.startsWith('/');
  if (!absolute && !state.workdirSeen) {
    const message = `Relative workdir "${text}" can have unexpected results if the base image changes`;
    context.reporter.warn('WorkdirRelativePath', instruction.word.span, message);
  }
  const before = workdirOf(state.image.config);
  const path = absolute ? text : text === '' ? before : resolvePath(before, text);
  const config = { ...state.image.config, WorkingDir: path };
  const next: StageState = { ...state, workdirSeen: true };
  const createdBy = `WORKDIR ${path}`;
  if (path === '/') return withMetadata(next, config, createdBy);
  const epoch = context.epoch === undefined ? {} : { epoch: context.epoch };
  const op = { type: 'mkdir', path: cleanAbsolute(path), user: config.User ?? '', ...epoch } as const;
  const meta = vertexMeta(state, instruction, { text: instruction.original, noCache: false }, context);
  const vertex = context.graph.add(op, [state.vertex], meta);
  return withLayer({ ...next, image: { ...next.image, config } }, vertex, createdBy);
}

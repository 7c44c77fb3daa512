// EXPOSE (I-03): words are sorted as written, then expanded and split, and each names one port or a range.
import type { WordsInstruction } from '../../parser/ast.ts';
import { parsePortSpec } from '../../parser/ports.ts';
import { checkExposedPort } from '../checks/expose.ts';
import { exposeText } from '../history.ts';
import { expander, type LowerContext, type StageState, withImage } from './context.ts';

/** Every port of three protocols fits; more in a stage and those below it is a mistake or an attack on memory. */
const MAX_PORTS = 3 * 65536;

const PORT_HINT = 'write a port or a range up to 65535, and tcp, udp or sctp: 8080, 8000-8010/udp';

export function lowerExpose(state: StageState, instruction: WordsInstruction, context: LowerContext): StageState {
  const expand = expander(state, context);
  const specs: { text: string; span: WordsInstruction['span'] }[] = [];
  for (const word of instruction.words.toSorted((a, b) => (a.raw < b.raw ? -1 : a.raw > b.raw ? 1 : 0))) {
    const texts = expand.words(word);
    if (texts === undefined) return state;
    for (const text of texts) specs.push({ text, span: word.span });
  }
  const ports: string[] = [];
  const free = MAX_PORTS - state.image.ports.length;
  for (const { text, span } of specs) {
    const parsed = parsePortSpec(text);
    checkExposedPort(text, span, context.reporter);
    if (typeof parsed === 'string' || ports.length + parsed.ports.length > free) {
      if (typeof parsed !== 'string') context.reporter.error('plan/invalid-port', span, 'the stage exposes too many ports');
      else context.reporter.error('plan/invalid-port', span, parsed, { hint: PORT_HINT });
      return state;
    }
    for (const port of parsed.ports) ports.push(port);
  }
  return withImage(state, { ports: state.image.ports.append(ports) }, exposeText(ports));
}

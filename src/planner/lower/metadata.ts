// USER, STOPSIGNAL, VOLUME, MAINTAINER and ONBUILD: metadata without a layer (I-04, I-05, I-12, I-13, O-01).
import type { MaintainerInstruction, OnbuildInstruction, WordInstruction, WordsInstruction } from '../../parser/ast.ts';
import { isValidSignal, SIGNAL_NAMES } from '../../parser/signals.ts';
import { didYouMean } from '../did-you-mean.ts';
import { volumeText } from '../history.ts';
import { expander, type LowerContext, type StageState, withImage, withMetadata } from './context.ts';

export function lowerUser(state: StageState, instruction: WordInstruction, context: LowerContext): StageState {
  const user = expander(state, context).text(instruction.word);
  if (user === undefined) return state;
  const { User: _old, ...config } = state.image.config;
  return withMetadata(state, user === '' ? config : { ...config, User: user }, `USER ${user}`);
}

export function lowerStopsignal(state: StageState, instruction: WordInstruction, context: LowerContext): StageState {
  const signal = expander(state, context).text(instruction.word);
  if (signal === undefined) return state;
  if (!isValidSignal(signal)) {
    context.reporter.error('plan/invalid-signal', instruction.word.span, `invalid signal: ${signal}`, {
      hint: didYouMean(signal, SIGNAL_NAMES).hint ?? 'give a name such as SIGTERM or a number other than 0',
    });
    return state;
  }
  return withMetadata(state, { ...state.image.config, StopSignal: signal }, `STOPSIGNAL ${signal}`);
}

export function lowerVolume(state: StageState, instruction: WordsInstruction, context: LowerContext): StageState {
  const expand = expander(state, context);
  const volumes: string[] = [];
  for (const word of instruction.words) {
    const volume = expand.text(word);
    if (volume === undefined) return state;
    if (volume === '') {
      context.reporter.error('plan/empty-volume', word.span, 'VOLUME specified can not be an empty string');
      return state;
    }
    volumes.push(volume);
  }
  return withImage(state, { volumes: state.image.volumes.append(volumes) }, volumeText(volumes));
}

export function lowerMaintainer(state: StageState, instruction: MaintainerInstruction): StageState {
  return withImage(state, { author: instruction.name.text }, `MAINTAINER ${instruction.name.text}`);
}

/** The trigger is kept as text; no history entry (I-15). */
export function lowerOnbuild(state: StageState, instruction: OnbuildInstruction): StageState {
  return { ...state, image: { ...state.image, triggers: state.image.triggers.append([instruction.trigger.text]) } };
}

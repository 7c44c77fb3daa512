// History of an image: one non-empty entry for each layer, each entry with a time. The rules are those
// of BuildKit's image exporter (normalizeLayersAndHistory, patchImageConfig); layers and non-empty
// entries belong together by position.
import type { HistoryEntry } from '../../core/descriptor.ts';

/** What history needs to know about a layer; base layers usually need neither. */
export interface LayerOrigin {
  /** Milliseconds: when the layer was made. */
  readonly created?: number;
  /** Stands in when history has no entry for the layer. */
  readonly description?: string;
}

/** RFC 3339 as Go prints a UTC time: fractions without trailing zeros. */
export const goTime = (milliseconds: number): string => {
  const text = new Date(milliseconds).toISOString();
  return text.replace(/\.?0*Z$/, 'Z');
};

/**
 * `history`: base entries with their times, then one entry for each instruction without one.
 * `epoch` (seconds) becomes the time of every later entry after the base (Z-03).
 */
export function completeHistory(history: readonly HistoryEntry[], layers: readonly LayerOrigin[], epoch?: number): HistoryEntry[] {
  const matched = matchLayers(history, layers);
  const timed = fillTimes(fillLayerTimes(matched, layers));
  if (epoch === undefined) return timed;
  const limit = epoch * 1000;
  const firstNew = history.findIndex((entry) => entry.created === undefined);
  const base = firstNew === -1 ? history.length : firstNew;
  return timed.map((entry, index) => {
    const keeps = index < base || (entry.created !== undefined && Date.parse(entry.created) <= limit);
    return keeps ? entry : { ...entry, created: goTime(limit) };
  });
}

/** Exactly one non-empty entry for each layer: missing ones are added at the end, surplus ones become empty. */
function matchLayers(history: readonly HistoryEntry[], layers: readonly LayerOrigin[]): HistoryEntry[] {
  let count = 0;
  const matched = history.map((entry) => {
    if (entry.empty_layer === true) return entry;
    count++;
    return count > layers.length ? { ...entry, empty_layer: true } : entry;
  });
  for (const layer of layers.slice(count)) {
    matched.push({
      ...(layer.created === undefined ? {} : { created: goTime(layer.created) }),
      ...(layer.description === undefined ? {} : { created_by: layer.description }),
      comment: 'buildkit.exporter.image.v0',
    });
  }
  return matched;
}

function fillLayerTimes(history: readonly HistoryEntry[], layers: readonly LayerOrigin[]): HistoryEntry[] {
  let index = 0;
  return history.map((entry) => {
    if (entry.empty_layer === true) return entry;
    const created = layers[index++]?.created;
    return entry.created === undefined && created !== undefined ? { ...entry, created: goTime(created) } : entry;
  });
}

/** Entries without a layer get the time of the first new layer, later ones that of the layer before them. */
function fillTimes(history: readonly HistoryEntry[]): HistoryEntry[] {
  let created: string | undefined;
  let gap = false;
  for (const entry of history) {
    if (entry.created === undefined) gap = true;
    else {
      created = entry.created;
      if (gap) break;
    }
  }
  gap = false;
  return history.map((entry) => {
    if (entry.created !== undefined) {
      if (gap) created = entry.created;
      return entry;
    }
    gap = true;
    return created === undefined ? entry : { ...entry, created };
  });
}

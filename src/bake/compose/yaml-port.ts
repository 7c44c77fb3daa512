// The part of the package `yaml` that is used. It is loaded only when there is a compose file, so it
// comes in from outside.

type Range = readonly [start: number, valueEnd: number, nodeEnd: number];

export interface YamlNode {
  readonly range?: Range | null;
  /** Of a sequence: nodes; of a map: pairs of nodes. */
  readonly items?: readonly (YamlNode | YamlPair)[];
  readonly value?: unknown;
  readonly tag?: string;
  /** Of an alias: what it stands for. */
  resolve?(document: unknown): YamlNode | undefined;
}

export interface YamlPair {
  readonly key: YamlNode;
  readonly value: YamlNode | null;
}

export interface YamlDocument {
  readonly errors: readonly { readonly message: string; readonly pos: readonly [number, number] }[];
  /** A YamlNode or null: the package's own types are too many to repeat. */
  readonly contents: unknown;
  toJS(options: { readonly maxAliasCount: number }): unknown;
}

export interface YamlModule {
  parseDocument(
    text: string,
    options: { readonly merge: boolean; readonly prettyErrors: boolean; readonly uniqueKeys: boolean },
  ): YamlDocument;
}

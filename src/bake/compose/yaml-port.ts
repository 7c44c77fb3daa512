// The part of the package `yaml` that is used. It is loaded only when there is a compose file, so it
// comes in from outside.
export interface YamlModule {
  parseDocument(
    text: string,
    options: { readonly merge: boolean; readonly prettyErrors: boolean; readonly uniqueKeys: boolean },
  ): {
    readonly errors: readonly { readonly message: string; readonly pos: readonly [number, number] }[];
    toJS(options: { readonly maxAliasCount: number }): unknown;
  };
}

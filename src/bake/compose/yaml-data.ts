// Data of YAML, with aliases and variables already put in.

export type Data = null | string | number | boolean | readonly Data[] | DataMap;
export interface DataMap {
  readonly [key: string]: Data;
}

export const isMap = (data: Data | undefined): data is DataMap =>
  data !== null && data !== undefined && typeof data === 'object' && !Array.isArray(data);
export const isList = (data: Data | undefined): data is readonly Data[] => Array.isArray(data);

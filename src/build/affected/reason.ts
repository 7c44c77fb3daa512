// Why a target is affected: one cause, the first that was found, for people and for scripts.

export interface Reason {
  readonly kind: /** It is not defined in the commit, or what is there cannot be evaluated. */
    | 'definition'
    | 'attribute'
    | 'dockerfile'
    | 'file'
    /** A context that the commit says nothing about. */
    | 'context'
    /** Another target that it has as context. */
    | 'target';
  /** The attribute, path, context or target. */
  readonly input: string;
  /** One line. */
  readonly text: string;
}

export interface AffectedTarget {
  readonly name: string;
  readonly reason: Reason;
}

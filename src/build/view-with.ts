// One object seen with other members. Not a copy: getters that open something when they are first asked
// (the store of a session, stdin of a request) stay unasked, and open it once for all views.

export const viewWith = <T extends object>(object: T, members: Partial<T>): T => Object.assign(Object.create(object) as T, members);

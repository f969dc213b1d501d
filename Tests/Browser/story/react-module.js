/** React as a module: it is loaded as a script. */
export const { useCallback, useEffect, useState, useSyncExternalStore } = window.React;

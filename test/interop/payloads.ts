/** The sizes that the interop descriptions name. */
export const REQUEST_SIZES = [27_182, 8, 1_828, 45_904];
export const RESPONSE_SIZES = [31_415, 9, 2_653, 58_979];

export const zeros = (size: number) => ({ type: 0, body: Buffer.alloc(size) });
/** A request that asks for one reply of `size` bytes. */
export const output = (size: number, payload?: number) => ({
  responseParameters: [{ size }],
  ...(payload !== undefined && { payload: zeros(payload) }),
});

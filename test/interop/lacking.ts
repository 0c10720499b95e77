const NOT_CHECKED = 'it does not look at expect_compressed';

/** Cases that an interop server cannot answer, and why. They must go on failing, else they belong among the others. */
export const lacking: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'grpc-go': {
    cacheable_unary: 'it has no CacheableUnaryCall',
    client_compressed_unary: NOT_CHECKED,
    client_compressed_streaming: NOT_CHECKED,
    server_compressed_unary: 'it does not look at response_compressed',
    server_compressed_streaming: 'it does not look at compressed',
    gzip_requests: 'it has no gzip',
    gzip_request_streams: 'it has no gzip',
  },
  'grpc-java': {
    cacheable_unary: 'it has no CacheableUnaryCall',
    client_compressed_unary: NOT_CHECKED,
    client_compressed_streaming: NOT_CHECKED,
    server_compressed_streaming: 'it does not look at compressed',
  },
};

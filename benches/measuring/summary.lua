-- What wrk prints when it is done, for server.py to read: one line of JSON.
done = function(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\n{"seconds": %f, "requests": %d, "bytes": %d, "failed": %d, "refused": %d, ' ..
      '"median": %f, "p99": %f}\n',
      summary.duration / 1e6, summary.requests, summary.bytes,
      errors.connect + errors.read + errors.write + errors.timeout, errors.status,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end

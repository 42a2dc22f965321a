"""What the tests share: certificates, pairs of connections, threads, child processes, networks."""

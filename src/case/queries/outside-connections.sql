-- Connections of processes to addresses that are not private, with who holds them.
SELECT images.hostname, comm, container_name, protocol, sockets.state, remote_address, remote_port
FROM sockets JOIN images ON id = image_id
WHERE remote_port > 0
  AND remote_address NOT IN ('0.0.0.0', '::', '127.0.0.1', '::1')
  AND NOT regexp_matches(remote_address, '^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|169\.254\.|127\.|f[cd]|fe80:)')
ORDER BY images.hostname, remote_address, remote_port, comm;

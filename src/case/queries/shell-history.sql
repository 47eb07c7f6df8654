-- What was typed on all hosts, in the order of time.
SELECT time, hostname, container_name, pid, command
FROM shell_history JOIN images ON id = image_id
ORDER BY time, hostname, image_row;

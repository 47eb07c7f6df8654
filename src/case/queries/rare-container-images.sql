-- Container images that are on few hosts of the case, the rarest first.
SELECT containers.image, count(DISTINCT coalesce(sha256, images.id)) AS images, count(*) AS containers, min(images.hostname) AS a_host,
       min(containers.name) AS a_container
FROM containers JOIN images ON images.id = image_id
WHERE containers.image IS NOT NULL
GROUP BY containers.image
ORDER BY images, containers, containers.image;

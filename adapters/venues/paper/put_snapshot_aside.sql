UPDATE paper_venue.snapshots SET put_aside_because = $2 WHERE sequence = $1
